const PATIENCE_MS = 1000;

interface Waiter {
  readonly rank: number;
  readonly since: number;
  readonly begin: () => void;
}

/**
 * Lets one task at a time take its turn: of those that want one, the task of the lowest rank. None waits for ever: one
 * that was passed over for a while goes next, and the connection behind it does not fall asleep.
 */
export class Turns {
  private readonly waiting: Waiter[] = [];
  private taken = false;

  /** `patienceMs`: how long a task is passed over at most. */
  constructor(private readonly patienceMs = PATIENCE_MS) {}

  /** Waits for the turn, and has it until the task has ended. */
  async take<T>(rank: number, task: () => Promise<T>): Promise<T> {
    await new Promise<void>((begin) => {
      this.waiting.push({ rank, since: performance.now(), begin });
      if (!this.taken) this.next();
    });
    try {
      return await task();
    } finally {
      // Whoever had this turn may want the next one too, once it has looked for what there is to do.
      setImmediate(() => this.next());
    }
  }

  private next(): void {
    const waiter = this.first();
    this.taken = waiter !== undefined;
    if (waiter === undefined) return;
    this.waiting.splice(this.waiting.indexOf(waiter), 1);
    waiter.begin();
  }

  private first(): Waiter | undefined {
    // In the order of arrival: the head is who waits longest.
    const [longest] = this.waiting;
    if (longest && performance.now() - longest.since > this.patienceMs) return longest;
    return this.waiting.reduce<Waiter | undefined>(
      (chosen, candidate) => (chosen && chosen.rank <= candidate.rank ? chosen : candidate),
      undefined,
    );
  }
}
