import { isIPv6 } from "node:net";
import type { PortSummary } from "../model/container-view.ts";

/** Ports that are shown as one: they follow each other and differ in nothing else. */
interface PortRun {
  readonly ip: string;
  readonly type: string;
  readonly first: number;
  last: number;
}

/**
 * Shows ports as docker's PORTS column does: `0.0.0.0:8000-8002->8000-8002/tcp, 0.0.0.0:8080->80/tcp`. Ports that are
 * published under their own number are joined to ranges, as are those only exposed; the others stand behind them.
 */
export function displayPorts(ports: readonly PortSummary[]): string {
  const finished: PortRun[] = [];
  const running = new Map<string, PortRun>();
  const translated: string[] = [];
  for (const { IP: ip = "", PrivatePort, PublicPort, Type } of ports.toSorted(comparePorts)) {
    if (ip !== "" && PublicPort !== PrivatePort) {
      translated.push(`${joinHostPort(ip, String(PublicPort))}->${PrivatePort}/${Type}`);
      continue;
    }
    const key = `${ip}/${Type}`;
    const run = running.get(key);
    if (run?.last === PrivatePort - 1) {
      run.last = PrivatePort;
      continue;
    }
    if (run !== undefined) finished.push(run);
    // Where the key stood first among the others, it stays.
    running.set(key, { ip, type: Type, first: PrivatePort, last: PrivatePort });
  }
  return [...[...finished, ...running.values()].map(displayRun), ...translated].join(", ");
}

function displayRun({ ip, type, first, last }: PortRun): string {
  const range = first === last ? String(first) : `${first}-${last}`;
  return ip === "" ? `${range}/${type}` : `${joinHostPort(ip, range)}->${range}/${type}`;
}

function joinHostPort(ip: string, port: string): string {
  return isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function comparePorts(a: PortSummary, b: PortSummary): number {
  return (
    a.PrivatePort - b.PrivatePort ||
    compareText(a.IP ?? "", b.IP ?? "") ||
    (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
    compareText(a.Type, b.Type)
  );
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
