import { closeSync, constants, openSync, readSync } from "node:fs";
import { Socket } from "node:net";
import type { Libc, ReadableWatch, Spliced } from "./libc.ts";
import type { OutputSpool } from "./output-spool.ts";

export interface OutputOptions {
  readonly path: string;
  /** Takes all bytes before anybody sees them; without it they are in this process's memory alone. */
  readonly spool?: OutputSpool | undefined;
  readonly libc?: Libc | undefined;
  /** A piece of output, and how many bytes of the run came before it. */
  onChunk(chunk: Buffer, position: number): void;
  /** Whether somebody goes on using a piece when `onChunk` has returned; if not, its memory is used again. */
  keepsChunks(): boolean;
  /** Called once, behind the last byte. */
  onEnd(): void;
  /** The spool takes no more: from here on a kill may lose output. */
  onSpoolFailure(error: Error): void;
}

/** Taken at a time before other outputs have their turn. */
const TURN_BYTES = 512 * 1024;
const READ_BYTES = 64 * 1024;
/** What a FIFO may hold: the more, the less often writer and reader wait for each other. */
const FIFO_BYTES = 256 * 1024;

/**
 * The reading end of a process's output. A FIFO that nobody has open for writing reads as ended, so a writing end of
 * our own keeps it open until `finish`: from then on the end is seen as soon as the shim has closed its own.
 *
 * With a spool and a libc the kernel moves the bytes into the spool, and a kill of this process loses none. Without a
 * libc they are read and then written, and a kill between the two loses what was read.
 */
export class Output {
  /** For pieces that nobody keeps, of all outputs in turn. */
  static #scratch = Buffer.alloc(0);
  readonly fd: number;
  readonly #options: OutputOptions;
  readonly #source: Source;
  #position: number;
  #holder: number | undefined;
  #destroyed = false;
  #spoolFailed = false;

  /** Opens the FIFO; the first chunk comes in a later turn of the event loop. */
  constructor(options: OutputOptions) {
    this.#options = options;
    this.#position = options.spool?.end ?? 0;
    this.fd = openSync(options.path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#holder = openSync(options.path, constants.O_WRONLY | constants.O_NONBLOCK);
    const { libc, spool } = options;
    libc?.setPipeSize(this.fd, FIFO_BYTES);
    this.#source = libc && spool ? this.#watch(libc, spool) : this.#read(spool);
    this.#source.resume();
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** How many bytes of the run have come so far. */
  get position(): number {
    return this.#position;
  }

  /** Takes nothing until `resume`. */
  pause(): void {
    if (!this.#destroyed) this.#source.pause();
  }

  resume(): void {
    if (!this.#destroyed) this.#source.resume();
  }

  /** The process is gone: what is left in the FIFO is still taken, then comes the end. */
  finish(): void {
    if (this.#holder !== undefined) closeSync(this.#holder);
    this.#holder = undefined;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.finish();
    this.#source.close();
    this.#options.spool?.close();
    this.#options.onEnd();
  }

  /** Non-blocking descriptors under `net.Socket` cost no thread; a file stream would hold one of four for ever. */
  #read(spool: OutputSpool | undefined): Source {
    const socket = new Socket({ fd: this.fd, readable: true, writable: false });
    socket.on("data", (chunk: Buffer) => {
      try {
        spool?.append(chunk);
      } catch (error) {
        this.#passSpool(chunk.length, error as Error);
      }
      this.#deliver(chunk);
    });
    for (const event of ["error", "end"]) socket.on(event, () => this.destroy());
    return { pause: () => socket.pause(), resume: () => socket.resume(), close: () => socket.destroy() };
  }

  #watch(libc: Libc, spool: OutputSpool): Source {
    let paused = true;
    const watch: ReadableWatch = libc.watch(this.fd, () => {
      for (let taken = 0; !paused && !this.#destroyed && taken < TURN_BYTES; ) {
        const chunk = this.#take(libc, spool);
        if (chunk === "end") this.destroy();
        if (typeof chunk === "string") return;
        taken += chunk.length;
        this.#deliver(chunk);
      }
    });
    const pause = () => {
      paused = true;
      watch.stop();
    };
    const resume = () => {
      paused = false;
      watch.start();
    };
    const close = () => {
      watch.close();
      closeSync(this.fd);
    };
    return { pause, resume, close };
  }

  /** Moves what there is into the spool, and returns it. */
  #take(libc: Libc, spool: OutputSpool): Buffer | Exclude<Spliced, number> {
    try {
      const moved = spool.fill((file, offset) => libc.splice(this.fd, file, offset));
      return typeof moved === "number" ? spool.last(this.#memory(moved)) : moved;
    } catch (error) {
      const chunk = this.#readNow();
      if (typeof chunk !== "string") this.#passSpool(chunk.length, error as Error);
      return chunk;
    }
  }

  #memory(length: number): Buffer {
    if (this.#options.keepsChunks()) return Buffer.allocUnsafeSlow(length);
    if (Output.#scratch.length < length) Output.#scratch = Buffer.allocUnsafeSlow(length);
    return Output.#scratch.subarray(0, length);
  }

  #readNow(): Buffer | "empty" | "end" {
    const chunk = Buffer.allocUnsafeSlow(READ_BYTES);
    try {
      const count = readSync(this.fd, chunk);
      return count === 0 ? "end" : chunk.subarray(0, count);
    } catch {
      return "empty";
    }
  }

  #passSpool(count: number, error: Error): void {
    this.#options.spool?.skipTo(this.#position + count);
    if (!this.#spoolFailed) this.#options.onSpoolFailure(error);
    this.#spoolFailed = true;
  }

  #deliver(chunk: Buffer): void {
    const position = this.#position;
    this.#position += chunk.length;
    this.#options.onChunk(chunk, position);
  }
}

interface Source {
  pause(): void;
  resume(): void;
  /** Also closes the descriptor. */
  close(): void;
}
