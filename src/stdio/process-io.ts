import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type FifoPool, FifoWriter, makeFifos } from "./fifo.ts";
import type { LogFollow } from "./json-log-reader.ts";
import type { Libc } from "./libc.ts";
import { LogJournal, type LogPositions } from "./log-journal.ts";
import { Output } from "./output.ts";
import { OutputSpool } from "./output-spool.ts";

export type OutputStream = "stdout" | "stderr";

/** Where a chunk of output comes from. */
export interface ChunkOrigin {
  /** How much of the output came before it in this run; absent: it follows the last one. */
  readonly position?: number;
  /** When it was written, in milliseconds of the epoch; absent: now. */
  readonly atMs?: number | undefined;
}

/** Where a process's output is kept, whoever watches. */
export interface OutputLog extends LogFollow {
  /** What of the outputs has been written. */
  readonly logged: LogPositions;
  /** Goes on where the journal ends, and keeps it; returns what of the outputs has been written. To be called first. */
  resume(journal: LogJournal): LogPositions;
  /** Takes a chunk; a promise asks the process to wait until it settles. */
  write(stream: OutputStream, chunk: Buffer, origin?: ChunkOrigin): Promise<void> | undefined;
  /** Writes the last unfinished lines and closes. */
  close(): Promise<void>;
  /** Closes, and leaves unfinished lines to the next supervisor. */
  release(): Promise<void>;
}

/** Somebody who watches a process's output and may type its input. */
export interface Viewer {
  readonly stdin?: Readable | undefined;
  /** The end of `stdin` is the end of the process's input: docker's StdinOnce. */
  readonly endsStdin?: boolean;
  /** Which outputs it wants; both unless said otherwise. */
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /**
   * The process waits for this viewer as long as it takes, as a program does for its terminal. Any other viewer is cut
   * off when it does not take its output for a while: nobody who looks on may stop a container for ever.
   */
  readonly essential?: boolean;
  /** Takes a chunk; a promise asks for a pause until it settles. */
  onOutput(stream: OutputStream, chunk: Buffer): Promise<void> | undefined;
  /** Called once: after the last byte, or when the viewer was cut off. Not after `detach`. */
  onEnd(): void;
}

export interface Attachment {
  /** Leaves; the process runs on. */
  detach(): void;
}

export interface ProcessIoOptions {
  /** Directory of the FIFOs, on a file system that a reboot empties. */
  readonly dir: string;
  readonly terminal: boolean;
  /** Whether the process has an input at all. */
  readonly stdin: boolean;
  readonly log?: OutputLog | undefined;
  /** No byte of output is lost with this process, nor logged twice, whenever it is killed. */
  readonly durable?: boolean;
  /** False for output that is nobody's once this supervisor is gone: an exec's goes with the client. */
  readonly kept?: boolean | undefined;
  /** Closes the shim's own end of the input (Tasks.CloseIO); needed for the process to see the end. */
  readonly closeTaskStdin?: (() => Promise<void>) | undefined;
  /** Where new FIFOs come from; without it `mkfifo` is called. */
  readonly fifos?: FifoPool | undefined;
  /** See `Output`. */
  readonly libc?: Libc | undefined;
  /** Told of what goes wrong and stops nobody. */
  readonly onDefect?: ((error: unknown) => void) | undefined;
}

/** Paths for Tasks.Create and Tasks.Exec; `""` for a stream that the process does not have. */
export interface StdioPaths {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a viewer that is not essential may keep the process waiting. */
const STALL_LIMIT_MS = 10_000;

/**
 * The input and output of one run of a process, over FIFOs that its shim has open too. The shim keeps both ends of
 * each, so nothing is lost while nobody reads: a full FIFO makes the process wait, and the next supervisor that adopts
 * the directory goes on with the very next byte. What a durable one has taken from the FIFOs lies in spools beside them
 * until it is logged, and a journal tells the next supervisor how far that came.
 *
 * Life: `create`, Tasks.Create and Start, `started`, the process exits, `drained` (every byte has been logged and
 * shown), `close`. Or, after a restart of the supervisor, `adopt` in place of the first three.
 */
export class ProcessIo {
  readonly paths: StdioPaths;
  readonly #outputs = new Map<OutputStream, Output>();
  readonly #spools = new Map<OutputStream, OutputSpool>();
  readonly #input: FifoWriter | undefined;
  readonly #viewers = new Set<ViewerSlot>();
  readonly #options: ProcessIoOptions;
  readonly #outputEnded: Promise<void>;
  /** Resolves when `close` or `release` has been called. */
  readonly closed: Promise<void>;
  /** True when the FIFOs were left to the next supervisor. */
  released = false;
  #resolveClosed: () => void = () => undefined;
  #ended = false;
  #runs = false;
  #stdinClosing = false;
  #closesStdinOnStart = false;

  /** Makes new FIFOs in `dir`, in the place of those of an earlier run. */
  static async create(options: ProcessIoOptions): Promise<ProcessIo> {
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    const paths = Object.values(stdioPaths(options)).filter((path) => path !== "");
    if (options.fifos) await options.fifos.place(paths);
    else {
      for (const path of paths) rmSync(path, { force: true });
      await makeFifos(paths);
    }
    return new ProcessIo(options, OutputSpool.create, LogJournal.create);
  }

  /** Takes up the FIFOs of a process that runs already, or has exited since; undefined when they are gone. */
  static adopt(options: ProcessIoOptions): ProcessIo | undefined {
    if (Object.values(stdioPaths(options)).some((path) => path !== "" && !existsSync(path))) return undefined;
    const io = new ProcessIo(options, OutputSpool.open, LogJournal.open);
    io.started();
    return io;
  }

  private constructor(
    options: ProcessIoOptions,
    openSpool: typeof OutputSpool.open,
    openJournal: typeof LogJournal.open,
  ) {
    this.#options = options;
    this.paths = stdioPaths(options);
    if (this.paths.stdin !== "") this.#input = new FifoWriter(this.paths.stdin);
    const streams = (["stdout", "stderr"] as const).filter((stream) => this.paths[stream] !== "");
    if (options.durable) {
      for (const stream of streams) this.#spools.set(stream, openSpool(options.dir, stream));
      this.#resumeLog(openJournal(join(options.dir, "log.journal")));
    }
    this.#outputEnded = Promise.all(streams.map((stream) => this.#open(stream))).then(() => undefined);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** The directory of the FIFOs. */
  get directory(): string {
    return this.#options.dir;
  }

  /** Where the output is kept; undefined when it is not. */
  get log(): OutputLog | undefined {
    return this.#options.log;
  }

  /** Whether what is unread is to outlive this supervisor; see `FifoKeeper`. */
  get isKept(): boolean {
    return this.#options.kept !== false;
  }

  /** The descriptors whose being open keeps unread output in the FIFOs; see `FifoKeeper`. */
  get outputDescriptors(): number[] {
    return [...this.#outputs.values()].filter(({ destroyed }) => !destroyed).map(({ fd }) => fd);
  }

  /** The process has been started: an input that ended before is closed now. */
  started(): void {
    this.#runs = true;
    if (this.#closesStdinOnStart) void this.closeStdin();
  }

  /** Shows the output from now on to `viewer`, and takes its input. */
  attach(viewer: Viewer): Attachment {
    if (this.#ended) {
      viewer.onEnd();
      return { detach: () => undefined };
    }
    const slot = new ViewerSlot(viewer, () => this.#viewers.delete(slot));
    this.#viewers.add(slot);
    if (viewer.stdin) this.#pump(viewer.stdin, viewer.endsStdin ?? false, slot);
    return { detach: () => slot.leave() };
  }

  /** Ends the process's input, after what is under way. Before the process was started: as soon as it is. */
  async closeStdin(): Promise<void> {
    if (!this.#runs) {
      this.#closesStdinOnStart = true;
      return;
    }
    if (!this.#input || this.#stdinClosing) return;
    this.#stdinClosing = true;
    await this.#input.flushed();
    // A process that has exited meanwhile has no input to close.
    await this.#options.closeTaskStdin?.().catch(() => undefined);
    await this.#input.end();
  }

  /**
   * To be called once the process has exited, before or after Tasks.Delete: resolves when its last byte has been
   * logged and handed to every viewer. The shim closes the FIFOs when it has copied all, so this takes as long as that
   * and no longer, unless a child that outlived the process keeps its output open: then `patienceMs` is the limit.
   */
  async drained(patienceMs = 2_000): Promise<void> {
    for (const output of this.#outputs.values()) output.finish();
    const impatient = setTimeout(() => this.#destroyOutputs(), patienceMs);
    await this.#outputEnded;
    clearTimeout(impatient);
    this.#ended = true;
    const shown = [...this.#viewers].map((slot) => slot.end());
    await this.#options.log?.close();
    await Promise.all(shown);
  }

  /** Closes all ends and removes the FIFOs. Call it when the process is deleted. */
  async close(): Promise<void> {
    await this.#letGo();
    rmSync(this.#options.dir, { recursive: true, force: true });
    this.#resolveClosed();
  }

  /** Closes all ends and leaves the FIFOs, and the process, to the next supervisor. */
  async release(): Promise<void> {
    this.released = true;
    await this.#letGo();
    this.#resolveClosed();
  }

  async #letGo(): Promise<void> {
    this.#input?.destroy();
    this.#destroyOutputs();
    await this.#outputEnded;
    if (this.#ended) return;
    this.#ended = true;
    for (const slot of [...this.#viewers]) await slot.end();
    // What is durable is in the spool, for the next supervisor to go on with.
    await (this.released && this.#options.durable ? this.#options.log?.release() : this.#options.log?.close());
  }

  /** Logs what an earlier supervisor took from the FIFOs and did not come to log. */
  #resumeLog(journal: LogJournal): void {
    const { log } = this.#options;
    if (log === undefined) {
      journal.close();
      return;
    }
    const logged = log.resume(journal);
    for (const [stream, spool] of this.#spools) {
      spool.skipTo(logged[stream]);
      const atMs = spool.changedAtMs;
      for (const { position, chunk } of spool.read(logged[stream], spool.end)) {
        log.write(stream, chunk, { position, atMs });
      }
    }
    log.onChange(() => this.#releaseSpools());
  }

  /** Gives up what of the spools everybody has. */
  #releaseSpools(): void {
    for (const [stream, spool] of this.#spools) {
      spool.release(this.#options.log?.logged[stream] ?? spool.end);
    }
  }

  /** Opens an output; the promise settles at its end. */
  #open(stream: OutputStream): Promise<void> {
    return new Promise((resolve) => {
      const output = new Output({
        path: this.paths[stream],
        spool: this.#spools.get(stream),
        libc: this.#options.libc,
        onChunk: (chunk, position) => this.#deliver(stream, output, chunk, position),
        onEnd: resolve,
        onSpoolFailure: (error) => this.#options.onDefect?.(error),
      });
      this.#outputs.set(stream, output);
    });
  }

  #deliver(stream: OutputStream, output: Output, chunk: Buffer, position: number): void {
    const waits: Promise<void>[] = [];
    const logged = this.#options.log?.write(stream, chunk, { position });
    if (logged) waits.push(logged);
    for (const slot of this.#viewers) {
      const shown = slot.show(stream, chunk);
      if (shown) waits.push(shown);
    }
    if (this.#options.log === undefined) this.#releaseSpools();
    if (waits.length === 0) return;
    output.pause();
    void Promise.all(waits).then(() => output.resume());
  }

  #pump(source: Readable, endsStdin: boolean, slot: ViewerSlot): void {
    const input = this.#input;
    const forward = (chunk: Buffer) => {
      if (slot.gone || input === undefined || input.write(chunk)) return;
      source.pause();
      input.onDrain(() => source.resume());
    };
    let over = false;
    const finish = () => {
      if (over) return;
      over = true;
      if (endsStdin && !slot.gone) void this.closeStdin();
    };
    source.on("data", forward);
    source.once("end", finish);
    source.once("close", finish);
    slot.onLeave(() => source.off("data", forward));
  }

  #destroyOutputs(): void {
    for (const output of this.#outputs.values()) output.destroy();
  }
}

/** One viewer, and what it still owes. */
class ViewerSlot {
  readonly #viewer: Viewer;
  readonly #forget: () => void;
  #leaveCallbacks: (() => void)[] = [];
  #pending: Promise<void> | undefined;
  #gone = false;

  constructor(viewer: Viewer, forget: () => void) {
    this.#viewer = viewer;
    this.#forget = forget;
  }

  get gone(): boolean {
    return this.#gone;
  }

  onLeave(callback: () => void): void {
    this.#leaveCallbacks.push(callback);
  }

  /** Hands a chunk on; the promise, if any, settles when the viewer took it or was cut off. */
  show(stream: OutputStream, chunk: Buffer): Promise<void> | undefined {
    if (this.#viewer[stream] === false) return undefined;
    const taken = this.#viewer.onOutput(stream, chunk);
    if (!taken) return undefined;
    this.#pending = this.#viewer.essential ? this.#untilGone(taken) : this.#cutOffUnless(taken);
    return this.#pending;
  }

  /** Tells the viewer of the end, once it took what it was shown. */
  async end(): Promise<void> {
    await this.#pending;
    if (this.#gone) return;
    this.leave();
    this.#viewer.onEnd();
  }

  leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#forget();
    for (const callback of this.#leaveCallbacks) callback();
    this.#leaveCallbacks = [];
  }

  #untilGone(taken: Promise<void>): Promise<void> {
    return Promise.race([taken, new Promise<void>((resolve) => this.onLeave(resolve))]);
  }

  async #cutOffUnless(taken: Promise<void>): Promise<void> {
    const timer = setTimeout(() => {
      this.leave();
      this.#viewer.onEnd();
    }, STALL_LIMIT_MS);
    await this.#untilGone(taken);
    clearTimeout(timer);
  }
}

function stdioPaths({ dir, terminal, stdin }: ProcessIoOptions): StdioPaths {
  return {
    stdin: stdin ? join(dir, "stdin") : "",
    stdout: join(dir, "stdout"),
    // A terminal has one output.
    stderr: terminal ? "" : join(dir, "stderr"),
  };
}
