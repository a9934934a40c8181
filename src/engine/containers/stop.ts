import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { Engine } from "../engine.ts";
import { SIGKILL, signalContainer, stopSignalOf } from "./kill.ts";
import type { StoredContainer } from "./stored-container.ts";

const DEFAULT_TIMEOUT_SECONDS = 10;
/** How long SIGKILL may take before docker calls the container unstoppable. */
const KILL_PATIENCE_MS = 10_000;
/** Node's timers count in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface StopRequest {
  /** Absent: the container's own, else SIGTERM. */
  readonly stopSignal?: string;
  /** Absent: the container's own, else 10. Negative: without limit. */
  readonly timeoutSeconds?: number;
}

export interface StopContext {
  /** Settles once the container's end has been settled. */
  readonly exited: Promise<unknown>;
  onSignal(number: number): void;
  /** Called when SIGKILL has had no effect that is told of: ends the container by other means, or answers false. */
  onStuck(): Promise<boolean>;
}

/**
 * Ends a running container: its stop signal, then, when it has not exited in time, SIGKILL. Returns when it has ended.
 * It takes no abort signal: as in docker, who asks for a stop and goes away does not take it back.
 *
 * @throws EngineError `internal` when nothing ends it.
 */
export async function stopContainer(
  engine: Pick<Engine, "containerd">,
  container: StoredContainer,
  { stopSignal, timeoutSeconds }: StopRequest,
  context: StopContext,
): Promise<void> {
  const number = stopSignalOf(container, stopSignal);
  const seconds = timeoutSeconds ?? container.record.config.StopTimeout ?? DEFAULT_TIMEOUT_SECONDS;
  const patienceMs = seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000;
  if (number !== SIGKILL) {
    await send(engine, container, number, context);
    if (await endsWithin(context.exited, patienceMs)) return;
  }
  await send(engine, container, SIGKILL, context);
  if (await endsWithin(context.exited, KILL_PATIENCE_MS)) return;
  if (await context.onStuck()) return;
  throw new EngineError("internal", `tried to kill container ${container.id}, but did not receive an exit event`);
}

/** A container that has just exited by itself needs no signal. */
async function send(
  engine: Pick<Engine, "containerd">,
  container: StoredContainer,
  number: number,
  { onSignal }: StopContext,
): Promise<void> {
  onSignal(number);
  try {
    await signalContainer(engine, container, { number, ends: true });
    faultPoint("stop.signalled");
  } catch (error) {
    // Nor does a shim that does not answer, or answers with nonsense, have the last word: see `onStuck`.
    if (!isEngineError(error, "conflict", "deadline-exceeded", "canceled", "internal")) throw error;
  }
}

async function endsWithin(exited: Promise<unknown>, patienceMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<boolean>((resolve) => {
    // A longer timer would go off at once; who waits for that long waits for the end.
    if (patienceMs <= LONGEST_TIMER_MS) timer = setTimeout(() => resolve(false), patienceMs);
  });
  const ended = await Promise.race([exited.then(() => true), tooLate]);
  clearTimeout(timer);
  return ended;
}
