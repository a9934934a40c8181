import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { AbsentViewers } from "./absent-viewers.ts";
import { type FifoPool, FifoWriter, makeFifos } from "./fifo.ts";
import type { LogFollow } from "./json-log-reader.ts";
import type { Libc } from "./libc.ts";
import { LogJournal, type LogPositions } from "./log-journal.ts";
import { Output } from "./output.ts";
import { OutputSpool } from "./output-spool.ts";
import { type Attachment, type Viewer, ViewerSlot } from "./viewer.ts";

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

export interface ProcessIoOptions {
  /** Directory of the FIFOs, on a file system that a reboot empties. */
  readonly dir: string;
  readonly terminal: boolean;
  /** Whether the process has an input at all. */
  readonly stdin: boolean;
  /** Opens the log, if there is to be one. */
  readonly openLog?: (() => OutputLog | undefined) | undefined;
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

/** What is kept of an output for each client that may come back: more than can be under way to one. */
const KEPT_FOR_CLIENTS_BYTES = 2 * 1024 * 1024;

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
  /** Those who look on, or are being told of the end, and may come to the next supervisor. */
  readonly #clients = new Set<string>();
  readonly #options: ProcessIoOptions;
  readonly #log: OutputLog | undefined;
  readonly #absent: AbsentViewers | undefined;
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
    this.#log = options.openLog?.();
    if (options.durable) this.#absent = new AbsentViewers(options.dir, { awaited: openSpool === OutputSpool.open });
    if (this.paths.stdin !== "") this.#input = new FifoWriter(this.paths.stdin);
    const streams = (["stdout", "stderr"] as const).filter((stream) => this.paths[stream] !== "");
    if (options.durable) {
      for (const stream of streams) this.#spools.set(stream, openSpool(options.dir, stream));
      this.#resumeLog(openJournal(join(options.dir, "log.journal")));
    }
    this.#outputEnded = Promise.all(streams.map((stream) => this.#open(stream))).then(() => undefined);
    if (this.#absent?.areAwaited) this.#holdUntil(this.#absent.allBack);
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
    return this.#log;
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

  /** How much of the outputs there has been by now. */
  get positions(): LogPositions {
    const end = (stream: OutputStream) => this.#outputs.get(stream)?.position ?? 0;
    return { stdout: end("stdout"), stderr: end("stderr") };
  }

  /** True while clients of an earlier supervisor may come back, for whom the output is held. */
  get awaitsViewers(): boolean {
    return this.#absent?.areAwaited ?? false;
  }

  /** True when a client that comes back was one that the process waits for. */
  wasEssential(key: string): boolean {
    return this.#absent?.isEssential(key) ?? false;
  }

  /** A client has come that saw nothing of this run, and is here for the next one. */
  expectNoMore(key: string): void {
    this.#absent?.forgo(key);
  }

  /** Shows the output from now on to `viewer`, to one that comes back what it missed as well, and takes its input. */
  attach(viewer: Viewer): Attachment {
    const slot = new ViewerSlot(viewer, () => this.#viewers.delete(slot));
    const { client, essential = false } = viewer;
    if (client?.has) this.#catchUp(slot, client.has);
    if (client) {
      this.#clients.add(client.key);
      this.#absent?.arrive(client.key, { essential });
    }
    if (this.#ended) {
      viewer.onEnd();
      return { detach: () => undefined };
    }
    this.#viewers.add(slot);
    if (viewer.stdin) this.#pump(viewer.stdin, viewer.endsStdin ?? false, slot);
    return {
      detach: () => {
        // One that is cut off because this supervisor ends is the next one's.
        if (client && !slot.gone && !this.released) {
          this.#clients.delete(client.key);
          this.#absent?.leave(client.key, { essential });
        }
        slot.leave();
      },
    };
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
    await this.#absent?.allBack;
    // A process that was held up itself finds its timers due first: what has come meanwhile is read before the end.
    const impatient = setTimeout(() => setImmediate(() => setImmediate(() => this.#destroyOutputs())), patienceMs);
    await this.#outputEnded;
    clearTimeout(impatient);
    this.#ended = true;
    const shown = [...this.#viewers].map((slot) => slot.end());
    await this.#log?.close();
    await Promise.all(shown);
  }

  /** Closes all ends and removes the FIFOs. Call it when the process is deleted. */
  async close(): Promise<void> {
    await this.#letGo();
    rmSync(this.#options.dir, { recursive: true, force: true });
    this.#resolveClosed();
  }

  /** This supervisor is about to end: viewers whose connections end from now on may come to the next one. */
  retire(): void {
    this.released = true;
  }

  /** Closes all ends and leaves the FIFOs, and the process, to the next supervisor. */
  async release(): Promise<void> {
    this.retire();
    await this.#letGo();
    this.#resolveClosed();
  }

  async #letGo(): Promise<void> {
    this.#absent?.stop();
    this.#input?.destroy();
    this.#destroyOutputs();
    await this.#outputEnded;
    if (this.#ended) return;
    this.#ended = true;
    for (const slot of [...this.#viewers]) await slot.end();
    // What is durable is in the spool, for the next supervisor to go on with.
    await (this.released && this.#options.durable ? this.#log?.release() : this.#log?.close());
  }

  /** Logs what an earlier supervisor took from the FIFOs and did not come to log. */
  #resumeLog(journal: LogJournal): void {
    const log = this.#log;
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
    if (this.#absent?.areAwaited) return;
    for (const [stream, spool] of this.#spools) {
      const seen = this.#clients.size > 0 ? spool.end - KEPT_FOR_CLIENTS_BYTES : spool.end;
      spool.release(Math.min(this.#log?.logged[stream] ?? seen, seen));
    }
  }

  /** Shows a viewer what it does not have yet. */
  #catchUp(slot: ViewerSlot, has: LogPositions): void {
    for (const [stream, spool] of this.#spools) {
      for (const { chunk } of spool.read(has[stream], spool.end)) void slot.show(stream, chunk);
    }
  }

  #holdUntil(settled: Promise<void>): void {
    for (const output of this.#outputs.values()) output.pause();
    void settled.then(() => {
      for (const output of this.#outputs.values()) output.resume();
    });
  }

  /** Opens an output; the promise settles at its end. */
  #open(stream: OutputStream): Promise<void> {
    return new Promise((resolve) => {
      const output = new Output({
        path: this.paths[stream],
        spool: this.#spools.get(stream),
        libc: this.#options.libc,
        onChunk: (chunk, position) => this.#deliver(stream, output, chunk, position),
        keepsChunks: () => this.#viewers.size > 0,
        onEnd: resolve,
        onSpoolFailure: (error) => this.#options.onDefect?.(error),
      });
      this.#outputs.set(stream, output);
    });
  }

  #deliver(stream: OutputStream, output: Output, chunk: Buffer, position: number): void {
    const waits: Promise<void>[] = [];
    const logged = this.#log?.write(stream, chunk, { position });
    if (logged) waits.push(logged);
    for (const slot of this.#viewers) {
      const shown = slot.show(stream, chunk);
      if (shown) waits.push(shown);
    }
    if (this.#log === undefined) this.#releaseSpools();
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
    // What comes after that is nobody's, and is read all the same: only so the client's end is seen.
    slot.onLeave(() => source.off("data", forward).resume());
  }

  #destroyOutputs(): void {
    for (const output of this.#outputs.values()) output.destroy();
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
