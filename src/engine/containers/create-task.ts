import { setTimeout as delay } from "node:timers/promises";
import type { NewTask } from "../../containerd/tasks.ts";
import { isEngineError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { SIGKILL } from "./kill.ts";
import { findTask } from "./stored-container.ts";

const POLL_MS = 50;
/** How long it has to be quiet around a container whose creation was cut short. */
const QUIET_MS = 500;
/**
 * How long containerd may take to be done with a creation whose client was killed: far longer than making or undoing a
 * task takes, and short for a person whose next command on the container waits for it.
 */
const UNFINISHED_PATIENCE_MS = 5_000;

/**
 * Makes a container's task. The supervisor is the one who makes them, so one that is in the way is what a killed
 * supervisor had asked for, and is removed.
 *
 * @throws EngineError what the runtime refused.
 */
export async function createTask(
  { containerd }: Pick<Engine, "containerd">,
  task: NewTask,
  { signal }: { readonly signal: AbortSignal },
): Promise<{ readonly pid: number }> {
  try {
    return await containerd.tasks.create(task, { signal });
  } catch (error) {
    if (!isEngineError(error, "already-exists")) throw error;
  }
  await discardTask({ containerd }, task.containerId, { signal });
  return await containerd.tasks.create(task, { signal });
}

/**
 * Waits until nothing is left of a task that a killed supervisor had asked for. containerd notices that its client is
 * gone when it pleases: the task may still appear, or the files that it takes away may be those of the next task. Where
 * that does not come to an end, it is a shim that is stuck or that nobody knows any more. Nothing of it is wanted, so
 * it is killed, and containerd undoes the rest. Takes twice `UNFINISHED_PATIENCE_MS` at most.
 */
export async function discardUnfinishedTask(
  engine: Pick<Engine, "containerd" | "store">,
  containerId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  if (await becomesQuiet(engine, containerId, signal)) return;
  await engine.store.killShims(containerId);
  await becomesQuiet(engine, containerId, signal);
}

/** True once there has been neither a task nor a shim of the container for a while; false when time runs out. */
async function becomesQuiet(
  engine: Pick<Engine, "containerd" | "store">,
  containerId: string,
  ended: AbortSignal,
): Promise<boolean> {
  const deadline = AbortSignal.timeout(UNFINISHED_PATIENCE_MS);
  const signal = AbortSignal.any([deadline, ended]);
  let quietSince = performance.now();
  try {
    while (performance.now() - quietSince < QUIET_MS) {
      const task = await findTask(engine, containerId, { signal });
      // A shim that is stuck does not end its task either.
      if (task !== undefined) await discardTask(engine, containerId, { signal });
      if (task !== undefined || (await engine.store.hasShim(containerId))) quietSince = performance.now();
      await delay(POLL_MS, undefined, { signal });
    }
    return true;
  } catch (error) {
    if (deadline.aborted && !ended.aborted) return false;
    throw error;
  }
}

/** Ends a task and deletes it, if there is one. */
export async function discardTask(
  { containerd: { tasks } }: Pick<Engine, "containerd">,
  containerId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  // One that does not run any more, or never did, can be neither killed nor waited for, but deleted.
  await tasks.kill(containerId, { signal: SIGKILL }, { signal }).catch(() => undefined);
  await tasks.wait(containerId, undefined, { signal }).catch(() => undefined);
  try {
    await tasks.delete(containerId, { signal });
  } catch (error) {
    if (!isEngineError(error, "not-found")) throw error;
  }
}
