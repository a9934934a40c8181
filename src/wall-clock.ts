/** Between two looks at the clock, for whoever waits for a moment: a clock that is set is followed after so long. */
const LOOK_MS = 60_000;

/**
 * The time of day with the digits behind the millisecond that `Date` lacks. It follows when the clock is set, or when the
 * host was asleep: `performance.timeOrigin` knows of neither.
 */
export class WallClock {
  /** What is to be added to `performance.now()`: no more than it should be, so that no step back is ever due. */
  #origin = Date.now() - performance.now();

  /** Milliseconds since the epoch. */
  now(): number {
    const before = performance.now();
    const wall = Date.now();
    const after = performance.now();
    // `wall` is cut to a whole number, and was read at some moment between the two.
    if (this.#origin + after < wall) this.#origin = wall - after;
    else if (this.#origin + before >= wall + 1) this.#origin = wall - after;
    return this.#origin + after;
  }
}

/**
 * Calls `callback` once the clock shows `momentMs`, however far that is, until the returned function is called. A clock
 * that is set meanwhile is followed within a minute.
 */
export function callAt(momentMs: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout;
  const look = () => {
    const remainingMs = momentMs - Date.now();
    if (remainingMs <= 0) callback();
    else timer = setTimeout(look, Math.min(remainingMs, LOOK_MS));
  };
  timer = setTimeout(look, 0);
  return () => clearTimeout(timer);
}
