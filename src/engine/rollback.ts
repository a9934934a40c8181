type UndoStep = (signal: AbortSignal) => Promise<unknown>;

/** How long all undo steps together may take. */
const UNDO_DEADLINE_MS = 30_000;

/**
 * A stack of undo steps for an operation that makes several things. Each step that made something defers its undo;
 * unless `commit` was called, leaving the scope (`await using`) runs them in reverse. They run under a deadline of
 * their own and not the operation's signal, which may be the very reason for undoing. A failing step does not keep the
 * others from running; the operation's own error is the one worth reporting, so theirs are dropped.
 */
export class Rollback implements AsyncDisposable {
  #steps: UndoStep[] = [];

  /** Registers how to undo what has just been made. */
  defer(step: UndoStep): void {
    this.#steps.push(step);
  }

  /** Everything stands: forget the undo steps. */
  commit(): void {
    this.#steps = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const signal = AbortSignal.timeout(UNDO_DEADLINE_MS);
    while (this.#steps.length > 0)
      await this.#steps
        .pop()?.(signal)
        .catch(() => undefined);
  }
}

/**
 * Runs steps side by side. When one fails, the others are waited for before the failure is thrown: whatever they still
 * make is then registered for its undo.
 */
export async function together<T extends readonly unknown[]>(
  ...steps: { readonly [K in keyof T]: Promise<T[K]> }
): Promise<T> {
  const results = await Promise.allSettled(steps);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return results.map((result) => (result.status === "fulfilled" ? result.value : undefined)) as unknown as T;
}
