import type { Finder } from "./finding.ts";

/** Processes that keep output for a supervisor that has none to be kept. */
export const findKeepers: Finder = async ({ engine: { store }, stdio }) => {
  const pids = await store.leftovers.processesNaming(stdio.keeperFile);
  return pids
    .filter((pid) => pid !== stdio.keeperPid)
    .map((pid) => ({
      kind: "process",
      object: String(pid),
      why: "it keeps the output of containers that have ended",
      remedy: "end it",
      mend: () => store.leftovers.endProcessNaming(pid, stdio.keeperFile),
    }));
};
