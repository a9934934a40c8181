import { setTimeout as delay } from "node:timers/promises";
import { findTask } from "../engine/containers/stored-container.ts";
import { findShim, hasChildren } from "../store/shim-process.ts";
import type { SupervisorEngine } from "./services.ts";

/** For how long a shim without a task is taken for one that containerd is making or ending. */
const PATIENCE_MS = 2_000;
/** How long it may take to end by itself when it is told to. */
const FAREWELL_MS = 2_000;
const ANSWER_DEADLINE_MS = 10_000;
const POLL_MS = 50;

/**
 * Ends the shim of a container that has no task. containerd ends the shim when it deletes the task, but leaves it for
 * ever when its client is killed in the middle of that. Nothing is done to one that has a task, or processes below it.
 * The caller sees to it that nobody starts the container meanwhile.
 */
export async function endStrayShim(
  { containerd, settings }: Pick<SupervisorEngine, "containerd" | "settings">,
  containerId: string,
): Promise<void> {
  const identity = { address: settings.address, namespace: containerd.namespace, id: containerId };
  const shim = findShim(identity);
  const isStray = async () => {
    if (shim === undefined || findShim(identity) !== shim || hasChildren(shim)) return false;
    const options = { signal: AbortSignal.timeout(ANSWER_DEADLINE_MS) };
    return (await findTask({ containerd }, containerId, options)) === undefined;
  };
  for (const [limitMs, signal] of [
    [PATIENCE_MS, "SIGTERM"],
    [FAREWELL_MS, "SIGKILL"],
  ] as const) {
    for (const limit = performance.now() + limitMs; performance.now() < limit; await delay(POLL_MS)) {
      if (!(await isStray())) return;
    }
    if (shim !== undefined) tell(shim, signal);
  }
}

function tell(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
