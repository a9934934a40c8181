import { processAgeMs } from "../store/process-age.ts";

/** How long ago a run began, by a clock that nobody sets. */
export class RunAge {
  readonly #begunAt: number;

  private constructor(ageMs: number) {
    this.#begunAt = performance.now() - ageMs;
  }

  /** Of a run that begins now. */
  static begin(): RunAge {
    return new RunAge(0);
  }

  /** Of the run of a process that was started earlier; undefined when it has ended. */
  static ofProcess(pid: number): RunAge | undefined {
    const ageMs = processAgeMs(pid);
    return ageMs === undefined ? undefined : new RunAge(ageMs);
  }

  get ms(): number {
    return performance.now() - this.#begunAt;
  }
}
