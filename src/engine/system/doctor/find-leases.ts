import { isEngineError } from "../../../errors.ts";
import type { Engine } from "../../engine.ts";
import type { Finder, Finding } from "./finding.ts";

/** Leases whose holder was killed: what it was pulling, loading or making stays until they expire. */
export const findLeases: Finder = async ({ engine }, chart, signal) => {
  const findings: Finding[] = [];
  for (const { namespace } of chart.departments) {
    const containerd = engine.containerd.withNamespace(namespace);
    for (const { id, owner, createdAt } of await containerd.leases.list([], { signal })) {
      if (owner === undefined || engine.store.mayRun(owner)) continue;
      findings.push({
        kind: "lease",
        object: id,
        namespace,
        why: `the process that took it at ${createdAt} was killed`,
        remedy: "end it, so that containerd frees what only it held",
        bytes: await heldBytes({ containerd }, id, signal),
        mend: (mendSignal) => containerd.leases.delete(id, { sync: true, signal: mendSignal }).catch(forgive),
      });
    }
  }
  return findings;
};

/** At most: what an image refers to by now stays. */
async function heldBytes(
  { containerd: { leases, content } }: Pick<Engine, "containerd">,
  leaseId: string,
  signal: AbortSignal,
): Promise<number> {
  const resources = await leases.listResources(leaseId, { signal }).catch(() => []);
  const sizes = resources.map(async ({ id, type }) => {
    if (type === "content") return (await content.info(id, { signal })).size;
    if (type === "ingests") return (await content.status(id, { signal })).offset;
    return 0;
  });
  const known = await Promise.allSettled(sizes);
  return known.reduce((sum, size) => sum + (size.status === "fulfilled" ? Number(size.value) : 0), 0);
}

function forgive(error: unknown): void {
  if (!isEngineError(error, "not-found")) throw error;
}
