import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { ContainerStatus } from "../../model/container-view.ts";
import type { Engine } from "../engine.ts";
import { type StoredContainer, snapshotsOf } from "./stored-container.ts";

export interface RemoveRequest {
  /** Also the container's anonymous volumes. */
  readonly volumes: boolean;
}

/**
 * Takes away all that belongs to a container without a task: files and anonymous volumes first, for without the record
 * nobody would know of them; then the record and the snapshot, which containerd would collect by itself. Each step
 * forgives what is gone already, so a removal that was interrupted is finished by another one.
 */
export async function removeContainer(
  { containerd, store }: Pick<Engine, "containerd" | "store">,
  container: StoredContainer,
  { volumes }: RemoveRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { id, info, record } = container;
  const anonymous = volumes ? record.mounts.filter((mount) => mount.type === "volume" && mount.anonymous) : [];
  await Promise.all([
    store.containerFiles.remove(id),
    ...anonymous.map(({ name = "" }) => ifPresent(store.volumes.remove(name))),
  ]);
  faultPoint("rm.files-removed");
  await Promise.all([
    ifPresent(containerd.containers.delete(id, { signal })),
    removeSnapshot(containerd, info, signal),
  ]);
  faultPoint("rm.record-deleted");
}

async function removeSnapshot(
  containerd: Engine["containerd"],
  info: StoredContainer["info"],
  signal: AbortSignal,
): Promise<void> {
  if (info.snapshotKey === "") return;
  await ifPresent(snapshotsOf(containerd, info).remove(info.snapshotKey, { signal }));
}

/** For things that may have been taken away by somebody else, or by an earlier attempt. */
async function ifPresent(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isEngineError(error, "not-found")) throw error;
  }
}

/** Refuses to remove a container that is alive, in docker's words. @throws EngineError `conflict`. */
export function requireRemovable({ name }: StoredContainer, status: ContainerStatus): void {
  const reason = REASONS[status];
  if (reason !== undefined) throw new EngineError("conflict", `cannot remove container "${name}": ${reason}`);
}

const REASONS: Partial<Record<ContainerStatus, string>> = {
  running: "container is running: stop the container before removing or force remove",
  restarting: "container is restarting: stop the container before removing or force remove",
  paused: "container is paused and must be unpaused first",
};
