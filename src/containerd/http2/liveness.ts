/** A server that goes on giving signs of life is asked for them less and less often, down to this. */
const LONGEST_PAUSE_MS = 60_000;

/** What a connection does for its `Liveness`. */
export interface Lifeline {
  /** Sends what every server that runs answers at once. */
  ask(): void;
  /** Ends the connection. */
  giveUp(error: Error): void;
}

/**
 * Tells a server that is busy with a long call from one that is frozen or stuck. When nothing has come for a third of
 * the patience while calls are open, the server is asked for a sign of life; when none comes in the rest of the
 * patience, the connection is given up with `ETIMEDOUT`.
 */
export class Liveness {
  private timer: NodeJS.Timeout | undefined;
  private pauseMs = 0;
  private asked = false;
  private heardSince = false;

  constructor(
    private readonly patienceMs: number,
    private readonly lifeline: Lifeline,
  ) {}

  /** A call begins. */
  watch(): void {
    if (this.asked) return;
    this.heardSince = false;
    this.pauseMs = this.patienceMs / 3;
    this.arm(this.pauseMs);
  }

  /** Something has come from the server. */
  heard(): void {
    this.heardSince = true;
  }

  /** No call is open any more. */
  rest(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.asked = false;
  }

  private arm(delayMs: number): void {
    clearTimeout(this.timer);
    // A process that was stopped itself finds its timers due first: what has come meanwhile is read before the look.
    const timer = setTimeout(() => setImmediate(() => timer === this.timer && this.look()), delayMs).unref();
    this.timer = timer;
  }

  private look(): void {
    if (this.heardSince) {
      if (this.asked) this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
      this.heardSince = this.asked = false;
      this.arm(this.pauseMs);
    } else if (this.asked) {
      const error = new Error(`no sign of life for ${this.patienceMs} ms`);
      this.lifeline.giveUp(Object.assign(error, { code: "ETIMEDOUT" }));
    } else {
      this.asked = true;
      this.lifeline.ask();
      this.arm((this.patienceMs / 3) * 2);
    }
  }
}
