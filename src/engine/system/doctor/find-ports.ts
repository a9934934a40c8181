import type { PublishedPort } from "../../../model/container-record.ts";
import type { Finder } from "./finding.ts";

/** Ports of the host that are kept from everybody for a container that does not have them. */
export const findPorts: Finder = async ({ engine: { networks } }, chart) => {
  const used = new Set(chart.departments.flatMap(({ charges }) => charges.flatMap(({ ports }) => ports.map(nameOf))));
  const stale = networks.ports.list().filter((port) => !used.has(nameOf(port)));
  return stale.map((port) => ({
    kind: "port",
    object: nameOf(port),
    why: "it is reserved and no container has it",
    remedy: "give it free",
    mend: () => networks.ports.release([port]),
  }));
};

function nameOf({ hostIp, hostPort, protocol }: PublishedPort): string {
  return `${hostIp}:${hostPort}/${protocol}`;
}
