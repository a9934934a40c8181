/** The restart that a container's policy owes it: one at most, after a pause. */
export class RestartPlan {
  #timer: NodeJS.Timeout | undefined;

  /** True from `schedule` until the restart is taken or cancelled. */
  get isPending(): boolean {
    return this.#timer !== undefined;
  }

  /** Calls `restart` after the pause, unless it is cancelled before. */
  schedule(delayMs: number, restart: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(restart, delayMs);
  }

  /** The pause is over and the restart about to be done; false if it was cancelled meanwhile. */
  take(): boolean {
    const pending = this.isPending;
    this.cancel();
    return pending;
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
