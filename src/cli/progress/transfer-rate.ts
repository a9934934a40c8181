/** Over how long the rate of a transfer is measured: long enough to be read, short enough to be true. */
const WINDOW_MS = 5000;
/** What a shorter time tells is not true yet. */
const MIN_WINDOW_MS = 500;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** How fast a transfer goes lately, and when it will have ended at that rate. */
export class TransferRate {
  private readonly samples: Sample[] = [];

  /** Notes how many bytes there are in all at a moment, by any clock that does not go back. */
  note(bytes: number, atMs: number): void {
    this.samples.push({ atMs, bytes });
    while (this.samples.length > 2 && atMs - (this.samples[1]?.atMs ?? 0) > WINDOW_MS) this.samples.shift();
  }

  /** Undefined before there is anything to tell it by. */
  get bytesPerSecond(): number | undefined {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (
      first === undefined ||
      last === undefined ||
      last.atMs - first.atMs < MIN_WINDOW_MS ||
      last.bytes <= first.bytes
    ) {
      return undefined;
    }
    return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
  }

  /** How long so many bytes will still take. */
  secondsLeft(bytes: number): number | undefined {
    const rate = this.bytesPerSecond;
    return rate === undefined ? undefined : Math.ceil(Math.max(bytes, 0) / rate);
  }
}

/** `45s`, `2m05s`, `1h02m`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  if (minutes < 60) return `${minutes}m${String(rest).padStart(2, "0")}s`;
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, "0")}m`;
}
