/** Lets one piece of asynchronous work run at a time, in the order of asking. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();
  #pending = 0;

  /** True while some work runs or waits to run. */
  get isBusy(): boolean {
    return this.#pending > 0;
  }

  /** Runs `work` once everything asked for before has ended, well or badly. */
  run<T>(work: () => Promise<T>): Promise<T> {
    this.#pending += 1;
    const result = this.#tail.then(work).finally(() => {
      this.#pending -= 1;
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
