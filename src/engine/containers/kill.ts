import { EngineError, isEngineError } from "../../errors.ts";
import { parseSignal } from "../../model/signal.ts";
import type { Engine } from "../engine.ts";
import { findTask, type StoredContainer } from "./stored-container.ts";

export const SIGKILL = 9;
/** A shim that has not taken a signal by then does not answer at all. */
const ANSWER_DEADLINE_MS = 10_000;

/**
 * Sends a signal to a container's process. A paused one would take it only when it is resumed, so where the signal is
 * meant to end it, it is resumed.
 *
 * @throws EngineError `conflict` when the container does not run; `deadline-exceeded` when its shim does not answer.
 */
export async function signalContainer(
  engine: Pick<Engine, "containerd">,
  container: StoredContainer,
  { number, ends }: { readonly number: number; readonly ends: boolean },
): Promise<void> {
  const { tasks } = engine.containerd;
  try {
    await tasks.kill(container.id, { signal: number }, { timeoutMs: ANSWER_DEADLINE_MS });
  } catch (error) {
    if (isEngineError(error, "not-found", "failed-precondition")) throw notRunning(container);
    throw error;
  }
  if (!ends) return;
  const task = await findTask(engine, container.id, { signal: AbortSignal.timeout(ANSWER_DEADLINE_MS) });
  if (task?.status !== "paused" && task?.status !== "pausing") return;
  // It may have ended by the signal in between; whoever waits for its end sees whether it has.
  await tasks.resume(container.id, { timeoutMs: ANSWER_DEADLINE_MS }).catch(() => undefined);
}

export function notRunning({ id }: StoredContainer): EngineError {
  return new EngineError("conflict", `container ${id} is not running`);
}

/**
 * The signal that ends a container politely: the one that it, or its image, names; else SIGTERM.
 *
 * @throws EngineError `invalid-argument` for a name that is no signal.
 */
export function stopSignalOf({ record }: StoredContainer, asked?: string): number {
  return parseSignal(asked || record.config.StopSignal || "SIGTERM");
}
