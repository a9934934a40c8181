import { constants } from "node:os";

/** The signals by which a person or a service manager ends a command. */
type InterruptSignal = "SIGINT" | "SIGTERM";

/**
 * Turns the first SIGINT or SIGTERM into an aborted signal, so that a command can undo what it began; a second one ends
 * the process at once.
 */
export class Interrupts {
  private readonly controller = new AbortController();
  private received: InterruptSignal | undefined;
  private readonly abort = (name: InterruptSignal): void => {
    if (this.received !== undefined) process.exit(128 + constants.signals[name]);
    this.received = name;
    this.controller.abort();
  };

  constructor() {
    process.on("SIGINT", this.abort);
    process.on("SIGTERM", this.abort);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** The exit code of a command that was interrupted, as a shell reports it. */
  get exitCode(): number | undefined {
    return this.received === undefined ? undefined : 128 + constants.signals[this.received];
  }

  /** Leaves the signals to the caller, who sends them on to a container. */
  release(): void {
    process.removeListener("SIGINT", this.abort);
    process.removeListener("SIGTERM", this.abort);
  }
}
