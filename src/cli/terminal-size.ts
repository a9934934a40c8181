import type { WriteStream } from "node:tty";
import type { EngineApi } from "../api/client.ts";

/** Keeps a process's terminal as large as ours. */
export class TerminalSizes {
  readonly #api: EngineApi;
  readonly #resizePath: string;
  readonly #terminal: WriteStream;
  /** One call after the other: of two under way at once the older could arrive last, and stay. */
  #told: Promise<unknown> = Promise.resolve();
  readonly #tell = () => {
    this.#told = this.#told.then(() => {
      const { columns: w, rows: h } = this.#terminal;
      // A process that has just ended has no terminal any more; it does not need one.
      return this.#api.request("POST", this.#resizePath, { query: { h, w } }).catch(() => undefined);
    });
  };

  constructor(api: EngineApi, resizePath: string, terminal: WriteStream) {
    this.#api = api;
    this.#resizePath = resizePath;
    this.#terminal = terminal;
  }

  /** Tells the present size, and every other one from now on. */
  follow(): void {
    this.#tell();
    this.#terminal.on("resize", this.#tell);
  }

  stop(): void {
    this.#terminal.off("resize", this.#tell);
  }
}

/** Our terminal's size in the Engine API's order; undefined without one. */
export function consoleSize(terminal: WriteStream): [height: number, width: number] | undefined {
  return terminal.isTTY ? [terminal.rows, terminal.columns] : undefined;
}
