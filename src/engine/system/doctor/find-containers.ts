import { isEngineError } from "../../../errors.ts";
import { type StoredContainer, snapshotsOf } from "../../containers/stored-container.ts";
import type { Finder, Finding } from "./finding.ts";
import type { Ward } from "./ward.ts";

/** Containers whose removal was begun and did not end, and those that have lost their file system. */
export const findContainers: Finder = async ({ engine }, chart, signal) => {
  const findings: Finding[] = [];
  for (const { namespace, container, isOurs, charge } of chart.containers) {
    if (!isOurs || charge?.isChanging || charge?.isRemoving) continue;
    const shared = { kind: "container", object: container.name, namespace };
    if (container.state.desired === "removed") {
      const why = "its removal was begun and did not come to its end";
      findings.push({ ...shared, why, remedy: "remove it", mend: async () => charge?.finishRemoval() });
    } else if (!(await hasSnapshot(engine, namespace, container, signal))) {
      const why = "its file system has been removed, so it cannot be started again";
      findings.push({ ...shared, why, remedy: `run wharf rm -f ${container.name}` });
    }
  }
  return findings;
};

async function hasSnapshot(
  { containerd }: Ward["engine"],
  namespace: string,
  { info }: StoredContainer,
  signal: AbortSignal,
): Promise<boolean> {
  if (info.snapshotKey === "") return true;
  try {
    await snapshotsOf(containerd.withNamespace(namespace), info).stat(info.snapshotKey, { signal });
    return true;
  } catch (error) {
    // Whatever else is the matter, such as a snapshotter that is not there now, it is not that the snapshot is gone.
    return !isEngineError(error, "not-found");
  }
}
