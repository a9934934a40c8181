import { EngineError } from "../errors.ts";
import type { PortBinding } from "./container-config.ts";
import { splitCsv } from "./csv.ts";
import { isIpAddress } from "./ip-address.ts";

export type PortProtocol = "tcp" | "udp" | "sctp";

/** One container port and where it is to be published. */
export interface PublishSpec {
  readonly containerPort: number;
  readonly protocol: PortProtocol;
  /** `""`: every address of the host. */
  readonly hostIp: string;
  /** `""` or `"0"`: any free port; `"8000-8010"`: any free one of these. */
  readonly hostPort: string;
}

interface PortRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads docker's `-p`: `[[ip:]hostPort:]containerPort[/protocol]`, ports as ranges, IPv6 addresses in brackets; or the
 * long form `published=8080,target=80`. A range of container ports becomes one spec a port.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parsePublish(text: string): PublishSpec[] {
  const spec = text.includes("=") ? shortForm(text) : text;
  const [bracketedIp, hostPort, containerPart] = splitParts(spec);
  const { port: containerPort, protocol } = splitProtocol(containerPart);
  const hostIp = parseHostIp(bracketedIp);
  if (containerPort === "") throw invalid(`no port specified: ${spec}<empty>`);
  const container = parsePortRange(containerPort) ?? fail(`invalid containerPort: ${containerPort}`);
  const host = hostPort === "" ? undefined : (parsePortRange(hostPort) ?? fail(`invalid hostPort: ${hostPort}`));
  const count = container.end - container.start + 1;
  if (host !== undefined && host.end - host.start + 1 !== count && count > 1) {
    throw invalid(`invalid ranges specified for container and host Ports: ${containerPort} and ${hostPort}`);
  }
  return Array.from({ length: count }, (_, index) => ({
    containerPort: container.start + index,
    protocol,
    hostIp,
    hostPort: hostPortAt(host, { index, count }),
  }));
}

/**
 * Reads docker's `--expose`: `port[-port][/protocol]`, as keys of `ExposedPorts`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseExpose(text: string): string[] {
  if (text.includes(":")) throw invalid(`invalid port format for --expose: ${text}`);
  const [port = "", protocol = "tcp"] = text.split("/");
  const range = parsePortRange(port);
  if (range === undefined) throw invalid(`invalid range format for --expose: ${text}, error: ${rangeError(port)}`);
  return Array.from({ length: range.end - range.start + 1 }, (_, index) => `${range.start + index}/${protocol}`);
}

/** Groups published ports as `HostConfig.PortBindings` has them: by `80/tcp`. */
export function portBindings(specs: readonly PublishSpec[]): Record<string, PortBinding[]> {
  const bindings: Record<string, PortBinding[]> = {};
  for (const { containerPort, protocol, hostIp, hostPort } of specs) {
    const key = `${containerPort}/${protocol}`;
    bindings[key] = [...(bindings[key] ?? []), { HostIp: hostIp, HostPort: hostPort }];
  }
  return bindings;
}

/**
 * Reads a key of `ExposedPorts` or `PortBindings`: `80/tcp`, or `80` alone.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parsePortKey(key: string): { readonly port: number; readonly protocol: PortProtocol } {
  const { port, protocol } = splitProtocol(key);
  const range = parsePortRange(port);
  if (range === undefined || range.start !== range.end) throw invalid(`invalid port: ${key}`);
  return { port: range.start, protocol };
}

/** Reads `8000-8010` or `8000`; `undefined` where there is no such range. */
export function parsePortRange(text: string): PortRange | undefined {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = match[2] === undefined ? start : Number(match[2]);
  return start <= end && end <= 65535 ? { start, end } : undefined;
}

/** Why `parsePortRange` refused, in docker's words. */
function rangeError(text: string): string {
  if (text === "") return "empty string specified for ports.";
  const bad = text.split("-").find((port) => !/^\d+$/.test(port));
  if (bad !== undefined) return `strconv.ParseUint: parsing ${JSON.stringify(bad)}: invalid syntax`;
  const large = text.split("-").find((port) => Number(port) > 65535);
  if (large !== undefined) return `strconv.ParseUint: parsing ${JSON.stringify(large)}: value out of range`;
  return `invalid range specified for the port: ${text}`;
}

function hostPortAt(host: PortRange | undefined, { index, count }: { index: number; count: number }): string {
  if (host === undefined) return "";
  if (count === 1 && host.end > host.start) return `${host.start}-${host.end}`;
  return String(host.start + index);
}

/** The host's address may hold colons itself: it is what stands before the last two. */
function splitParts(spec: string): [hostIp: string, hostPort: string, containerPort: string] {
  const parts = spec.split(":");
  const containerPort = parts.pop() ?? "";
  const hostPort = parts.pop() ?? "";
  return [parts.join(":"), hostPort, containerPort];
}

function splitProtocol(text: string): { port: string; protocol: PortProtocol } {
  const [port = "", given = ""] = text.split("/", 2);
  const protocol = given.toLowerCase() || "tcp";
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") throw invalid(`invalid proto: ${given}`);
  return { port, protocol };
}

function parseHostIp(text: string): string {
  const ip = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (ip !== "" && !isIpAddress(ip)) throw invalid(`invalid IP address: ${ip}`);
  return ip;
}

function shortForm(text: string): string {
  const fields: Record<string, string> = { protocol: "tcp" };
  for (const field of splitCsv(text)) {
    const [name = "", value, ...more] = field.split("=");
    if (value === undefined || more.length > 0) {
      throw invalid(`invalid publish opts format (should be name=value but got '${field}')`);
    }
    fields[name] = value;
  }
  return `${fields.published ?? ""}:${fields.target ?? ""}/${fields.protocol}`;
}

function fail(message: string): never {
  throw invalid(message);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
