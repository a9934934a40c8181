import { isEngineError } from "../../../errors.ts";
import { SNAPSHOT_CONTAINER_LABEL } from "../../../model/container-record.ts";
import type { Chart } from "./chart.ts";
import type { Finder, Finding } from "./finding.ts";
import type { Ward } from "./ward.ts";

/** File systems that were made for containers which are gone. containerd collects them, but only when it collects. */
export const findSnapshots: Finder = async (ward, chart, signal) => {
  const found = await Promise.all(chart.departments.map(({ namespace }) => findIn(ward, chart, namespace, signal)));
  return found.flat();
};

async function findIn({ engine }: Ward, chart: Chart, namespace: string, signal: AbortSignal): Promise<Finding[]> {
  const containerd = engine.containerd.withNamespace(namespace);
  const { snapshots, leases } = containerd;
  const all = await snapshots.list([`labels."${SNAPSHOT_CONTAINER_LABEL}"`], { signal });
  const stale = all.filter(({ name, kind }) => kind !== "committed" && chart.find(namespace, name) === undefined);
  if (stale.length === 0) return [];
  // What a lease holds is the lease's.
  const held = new Set<string>();
  for (const { id } of await leases.list([], { signal })) {
    const resources = await leases.listResources(id, { signal }).catch(() => []);
    for (const resource of resources) if (resource.type.startsWith("snapshots/")) held.add(resource.id);
  }
  const findings = stale
    .filter(({ name }) => !held.has(name))
    .map(async ({ name }) => ({
      kind: "snapshot",
      object: name,
      namespace,
      why: `container ${name.slice(0, 12)} is gone`,
      remedy: "remove it",
      bytes: (await snapshots.usage(name, { signal }).catch(() => undefined))?.sizeBytes ?? 0,
      mend: (mendSignal: AbortSignal) => snapshots.remove(name, { signal: mendSignal }).catch(forgive),
    }));
  return await Promise.all(findings);
}

/** The garbage collector may have come first. */
function forgive(error: unknown): void {
  if (!isEngineError(error, "not-found")) throw error;
}
