/** Runs a task now, or when one of those that run has ended. */
export type Limiter = <T>(task: () => Promise<T>) => Promise<T>;

/** At most `maximum` tasks at a time, in the order in which they came. */
export function limitConcurrency(maximum: number): Limiter {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running === maximum) {
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running++;
    }
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) {
        next();
      } else {
        running--;
      }
    }
  };
}

/**
 * Waits for tasks that run side by side. The first failure aborts the signal that all of them were started with, and is
 * thrown when they have come to rest: nothing of them goes on behind the caller's back.
 */
export async function runTogether(
  signal: AbortSignal,
  start: (signal: AbortSignal) => readonly Promise<unknown>[],
): Promise<void> {
  const controller = new AbortController();
  let failure: { readonly error: unknown } | undefined;
  const tasks = start(AbortSignal.any([signal, controller.signal]));
  await Promise.all(
    tasks.map((task) =>
      task.catch((error: unknown) => {
        failure ??= { error };
        controller.abort(error);
      }),
    ),
  );
  if (failure) {
    throw failure.error;
  }
}
