import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { findTask } from "../engine/containers/stored-container.ts";
import { findShim } from "../store/shim-process.ts";
import type { SupervisorEngine } from "./services.ts";

const SIGKILL_EXIT_CODE = 137;
/** How long the end of a process may take to be told of, once it was killed past its shim. */
const EXIT_PATIENCE_MS = 3_000;
/** How long containerd may take to clean up behind a shim that is gone. */
const CLEANUP_PATIENCE_MS = 20_000;
const ANSWER_DEADLINE_MS = 2_000;
const POLL_MS = 100;

export interface StuckTask {
  readonly containerId: string;
  /** The container's process. */
  readonly pid: number;
  /** Settles once the container's end has been settled. */
  readonly exited: Promise<unknown>;
}

/**
 * The last resort for a container whose shim does not do what it is asked: kills the container's process past the shim,
 * and when that is not told of either the shim itself. containerd then cleans up behind it. Resolves when the end has
 * been settled, or with the exit that is to be settled because nobody tells of it; undefined when nothing helped.
 */
export async function freeStuckTask(
  { containerd, settings }: SupervisorEngine,
  { containerId, pid, exited }: StuckTask,
): Promise<"settled" | { readonly pid: number; readonly exitStatus: number; readonly exitedAt: string } | undefined> {
  let settled = false;
  void exited.then(() => {
    settled = true;
  });
  const shim = findShim({ address: settings.address, namespace: containerd.namespace, id: containerId });
  // Its number may be another's by now: the kernel gives it back once the shim has seen the end.
  if (belongsTo(pid, containerId)) kill(pid);
  for (const limit = performance.now() + EXIT_PATIENCE_MS; performance.now() < limit && !settled; )
    await delay(POLL_MS);
  if (settled) return "settled";
  if (shim !== undefined) kill(shim);
  for (const limit = performance.now() + CLEANUP_PATIENCE_MS; performance.now() < limit; await delay(POLL_MS)) {
    if (settled) return "settled";
    const options = { signal: AbortSignal.timeout(ANSWER_DEADLINE_MS) };
    const task = await findTask({ containerd }, containerId, options).catch(() => null);
    if (task === undefined || task?.status === "stopped") {
      return { pid, exitStatus: task?.exitStatus ?? SIGKILL_EXIT_CODE, exitedAt: new Date().toISOString() };
    }
  }
  return undefined;
}

function belongsTo(pid: number, containerId: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(containerId);
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
