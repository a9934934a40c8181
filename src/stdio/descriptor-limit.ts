import { closeSync, openSync, readFileSync } from "node:fs";
import { EngineError } from "../errors.ts";

/** Descriptors that are kept back from containers: for calls, tools and logs, without which none could be removed. */
const LARGEST_RESERVE = 64;

/** How many files a process may have open, and how many of them are kept back. */
export class DescriptorLimit {
  readonly #last: number;

  constructor(limit = softLimit()) {
    this.#last = limit - Math.min(LARGEST_RESERVE, Math.floor(limit / 4));
  }

  /**
   * Returns while there are descriptors for one more process's stdio.
   *
   * @throws EngineError `resource-exhausted`.
   */
  check(): void {
    // The kernel gives the lowest number that is free.
    const next = openSync("/dev/null", "r");
    closeSync(next);
    if (next < this.#last) return;
    throw new EngineError("resource-exhausted", "too many open files: the supervisor's limit is reached", {
      hint: "raise the limit of open files (ulimit -n), then: wharf supervisor stop",
    });
  }
}

function softLimit(): number {
  const line = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
  return line === null ? Number.POSITIVE_INFINITY : Number(line[1]);
}
