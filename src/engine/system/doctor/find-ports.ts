import type { PublishedPort } from "../../../model/container-record.ts";
import type { Finder } from "./finding.ts";

/**
 * Ports of the host that are kept from everybody for a container that does not have them. While a container starts or
 * ends, a port is reserved and not written down with it; so this waits for a look at which none does.
 */
export const findPorts: Finder = async ({ engine: { networks } }, chart) => {
  const charges = chart.departments.flatMap((department) => department.charges);
  if (charges.some(({ isChanging }) => isChanging)) return [];
  const used = new Set(charges.flatMap(({ ports }) => ports.map(nameOf)));
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
