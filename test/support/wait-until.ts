import { setTimeout as delay } from "node:timers/promises";

const POLL_INTERVAL_MS = 20;
/** A probe that runs a command leaves the processors, for as long as it took, to what it waits for; at most this long. */
const MOST_PAUSE_MS = 250;

/**
 * Polls until `probe` returns something truthy, and returns that. A probe that throws counts as "not yet".
 * Fails with `what` and the last failure once `timeoutMs` are over.
 */
export async function waitUntil<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeoutMs = 60_000,
): Promise<NonNullable<Exclude<T, false | 0 | "">>> {
  const deadline = Date.now() + timeoutMs;
  for (let failure: unknown; ; ) {
    const begun = performance.now();
    try {
      const value = await probe();
      if (value) return value as NonNullable<Exclude<T, false | 0 | "">>;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`gave up after ${timeoutMs} ms waiting until ${what}`, { cause: failure });
    }
    await delay(Math.min(Math.max(performance.now() - begun, POLL_INTERVAL_MS), MOST_PAUSE_MS));
  }
}
