import { execFile } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { EngineError } from "../errors.ts";
import { toolEnvironment } from "../program-environment.ts";

/** How many FIFOs lie ready: a burst of ten containers with three each. */
const SPARE_FIFOS = 30;
/** Below this many the pool is filled up again. */
const LOW_WATER = 12;
const REFILL_DELAY_MS = 50;

/**
 * FIFOs in stock. Node cannot make one, and starting `mkfifo` costs a container some milliseconds; so a batch is made
 * while nothing else happens, and placing one is a rename.
 */
export class FifoPool {
  readonly #directory: string;
  readonly #spare: string[] = [];
  #made = 0;
  #refill: NodeJS.Timeout | undefined;
  #filling: Promise<void> | undefined;

  /** `directory` must be on the file system of the paths that are asked for. It is emptied. */
  constructor(directory: string) {
    this.#directory = directory;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Puts a new FIFO at each path, in the place of whatever is there. Their directories must exist. */
  async place(paths: readonly string[]): Promise<void> {
    // Many may have waited for the same batch.
    while (this.#spare.length < paths.length) await this.#fill();
    for (const path of paths) {
      const spare = this.#spare.pop();
      if (spare === undefined) throw new EngineError("internal", `no FIFO left for ${path}`);
      renameSync(spare, path);
    }
    if (this.#spare.length < LOW_WATER) this.#refill ??= setTimeout(() => this.#refillLater(), REFILL_DELAY_MS).unref();
  }

  /** Makes the first batch ahead of the first container. Never fails: `place` will say what is wrong. */
  async warm(): Promise<void> {
    await this.#fill().catch(() => undefined);
  }

  /** Removes the stock. Call it when nobody will ask for a FIFO any more. */
  async close(): Promise<void> {
    clearTimeout(this.#refill);
    await this.#filling?.catch(() => undefined);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #refillLater(): void {
    this.#refill = undefined;
    void this.warm();
  }

  #fill(): Promise<void> {
    this.#filling ??= this.#make().finally(() => {
      this.#filling = undefined;
    });
    return this.#filling;
  }

  async #make(): Promise<void> {
    const paths = Array.from({ length: SPARE_FIFOS - this.#spare.length }, () =>
      join(this.#directory, `${this.#made++}`),
    );
    await makeFifos(paths);
    this.#spare.push(...paths);
  }
}

/** Makes FIFOs that only root may open, by one call of `mkfifo`. */
export async function makeFifos(paths: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)("mkfifo", ["-m", "600", ...paths], { env: toolEnvironment() });
  } catch (cause) {
    throw new EngineError("internal", `cannot make FIFOs in ${dirname(paths[0] ?? "")}`, { cause });
  }
}

/** How often the end of an input asks whether the shim has come for it. */
const READER_POLL_MS = 5;

/**
 * The writing end of a process's input. A FIFO is not opened for writing while nobody reads, so a reading end of our own
 * stands in for the shim until `end`; what is written meanwhile waits in the FIFO.
 */
export class FifoWriter {
  readonly #path: string;
  readonly #socket: Socket;
  #holder: number | undefined;
  #unwritten = 0;
  #onEmpty: (() => void) | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#holder = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    this.#socket = new Socket({ fd, readable: false, writable: true });
    this.#socket.setMaxListeners(0);
    // The process may close its input; what is written after that is nobody's.
    this.#socket.on("error", () => this.destroy());
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** Takes a chunk; false asks the source to wait for `onDrain`. */
  write(chunk: Buffer): boolean {
    if (this.destroyed) return true;
    this.#unwritten += 1;
    return this.#socket.write(chunk, () => {
      this.#unwritten -= 1;
      if (this.#unwritten === 0) this.#onEmpty?.();
    });
  }

  onDrain(callback: () => void): void {
    if (this.destroyed) callback();
    else this.#socket.once("drain", callback);
  }

  /** Resolves once the FIFO has taken everything. */
  async flushed(): Promise<void> {
    if (this.#unwritten === 0 || this.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      this.#socket.once("close", resolve);
    });
  }

  /**
   * Closes the end once the shim has opened its own, which it does behind the process's start: of a FIFO that nobody
   * has open the kernel forgets what is in it. To be called when all is flushed; `destroy` cuts the waiting short.
   */
  async end(): Promise<void> {
    this.#closeHolder();
    while (!this.destroyed && !hasReader(this.#path)) await delay(READER_POLL_MS, undefined, { ref: false });
    this.destroy();
  }

  /** Closes the end at once. (Not the socket's `end()`: that shuts down a socket, which a FIFO is not.) */
  destroy(): void {
    this.#closeHolder();
    this.#socket.destroy();
  }

  #closeHolder(): void {
    if (this.#holder !== undefined) closeSync(this.#holder);
    this.#holder = undefined;
  }
}

/** True when somebody has the FIFO open for reading, or is about to: open(2) fails with ENXIO otherwise. */
function hasReader(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENXIO") return false;
    // The FIFO is gone, and with it whoever would have read it.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
}
