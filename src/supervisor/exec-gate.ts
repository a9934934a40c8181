/**
 * Keeps two things from happening at once in one container: a process being added to it, and its being paused. The
 * runtime that is about to add a process would be frozen with the rest, and its shim with it.
 */
export class ExecGate {
  readonly #starting = new Set<Promise<unknown>>();
  #closed: Promise<unknown> = Promise.resolve();

  /** Adds a process, once nobody pauses. */
  async start<T>(work: () => Promise<T>): Promise<T> {
    for (let closed: unknown; closed !== this.#closed; ) {
      closed = this.#closed;
      await closed;
    }
    const started = work();
    const settled = started.catch(() => undefined).finally(() => this.#starting.delete(settled));
    this.#starting.add(settled);
    return await started;
  }

  /** Pauses, once no process is being added; those that come meanwhile wait. */
  async pause<T>(work: () => Promise<T>): Promise<T> {
    const paused = Promise.all(this.#starting).then(work);
    this.#closed = Promise.all([this.#closed, paused.catch(() => undefined)]);
    return await paused;
  }

  /** True while nothing goes on. */
  get isIdle(): boolean {
    return this.#starting.size === 0;
  }
}
