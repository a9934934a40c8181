import {
  close,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  write,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { faultPoint } from "../fault-point.ts";
import { WallClock } from "../wall-clock.ts";
import { entryCapacity, LONGEST_ENTRY_BYTES, logTime, writeText } from "./json-log-line.ts";
import type { LogJournal, LogPositions } from "./log-journal.ts";
import type { ChunkOrigin, OutputLog, OutputStream } from "./process-io.ts";
import { rotateLog } from "./rotate-log.ts";

export interface JsonLogOptions {
  readonly path: string;
  /** The file is rotated before an entry that would be written beyond this size. */
  readonly maxSizeBytes?: number | undefined;
  /** How many files there are, the current one included. */
  readonly maxFiles?: number | undefined;
  /** Told once of a file that takes no more, such as one on a full disk. */
  readonly onFailure?: ((error: Error) => void) | undefined;
}

const LF = 0x0a;
/** Above this the process is made to wait. */
const BACKLOG_LIMIT_BYTES = 2 * 1024 * 1024;
/**
 * Up to this much a second is written at once, so that a killed supervisor takes as little as can be with it. Beyond
 * that the kernel may make a writer wait for the disk, which is not for the event loop to do.
 */
const IMMEDIATE_BYTES_PER_SECOND = 16 * 1024 * 1024;
/** Room for the longest entry, and for the hundred short ones that are the common case. */
const BUFFER_BYTES = Math.max(128 * 1024, entryCapacity(LONGEST_ENTRY_BYTES));
const HEAD = Buffer.from('{"log":"');

/** Whole entries, and what of the outputs the log holds with them. */
interface Batch {
  readonly entries: Buffer;
  readonly after: LogPositions;
}

type Step = Batch | "rotate";

/**
 * Writes a container's output in docker's json-file format, an entry a line:
 * `{"log":"text\n","stream":"stdout","time":"…"}`. Small output is written at once; under load, in batches and off the
 * event loop. A disk that is full loses entries and never stops the container.
 *
 * With a journal (see `resume`) the log holds every entry once, whenever the process that writes it is killed.
 */
export class JsonLogWriter implements OutputLog {
  readonly #path: string;
  readonly #maxSize: number;
  readonly #maxFiles: number;
  #fd: number;
  /** Size of the current file once all steps are done. */
  #size: number;
  #steps: Step[] = [];
  /** Reused as long as its entries are written at once. */
  #buffer: Buffer | undefined;
  #backlog = 0;
  /** What was written at once in the present second. */
  #immediate = { second: 0, bytes: 0 };
  #writing: Promise<void> | undefined;
  readonly #unfinished: Record<OutputStream, Buffer | undefined> = { stdout: undefined, stderr: undefined };
  readonly #listeners = new Set<() => void>();
  readonly #clock = new WallClock();
  readonly #onFailure: ((error: Error) => void) | undefined;
  #failed = false;
  #journal: LogJournal | undefined;
  /** What of the outputs has been made entries of; the rest is unfinished lines. */
  #encoded: LogPositions = { stdout: 0, stderr: 0 };
  /** What of the outputs is in the file. */
  #logged: LogPositions = { stdout: 0, stderr: 0 };
  #closed = false;
  #written = false;

  /** Opens the log for appending; makes its directory. */
  constructor({ path, maxSizeBytes, maxFiles, onFailure }: JsonLogOptions) {
    this.#path = path;
    this.#onFailure = onFailure;
    this.#maxSize = maxSizeBytes ?? Number.POSITIVE_INFINITY;
    this.#maxFiles = maxFiles ?? 1;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#fd = openLog(path);
    this.#size = fstatSync(this.#fd).size;
    this.#endBrokenLine();
  }

  get logged(): LogPositions {
    return this.#logged;
  }

  /**
   * Keeps account of every write in `journal`, and goes on where that of an earlier process ends: a write that was cut
   * short is taken back. Returns what of the outputs the log holds, which is where `write` must go on. To be called
   * first.
   */
  resume(journal: LogJournal): LogPositions {
    this.#journal = journal;
    const { last } = journal;
    if (last === undefined) return this.#logged;
    const { ino, size } = fstatSync(this.#fd);
    // A file that is another one by now, or shorter than before the write, was rotated or emptied after it.
    const isCut = ino === last.inode && size >= last.size && size < last.size + last.length;
    if (isCut) ftruncateSync(this.#fd, last.size);
    this.#logged = this.#encoded = isCut ? last.before : last.after;
    this.#size = isCut ? last.size : size;
    return this.#logged;
  }

  /** True once everything has been written. */
  get closed(): boolean {
    return this.#written;
  }

  /** Calls `listener` after each write, and at the end, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  write(stream: OutputStream, chunk: Buffer, origin: ChunkOrigin = {}): Promise<void> | undefined {
    if (this.#closed) return undefined;
    const unfinished = this.#unfinished[stream];
    const data = unfinished ? Buffer.concat([unfinished, chunk]) : chunk;
    const position =
      origin.position === undefined ? this.#encoded[stream] : origin.position - (unfinished?.length ?? 0);
    this.#encode(stream, data, { position, atMs: origin.atMs });
    this.#flush();
    return this.#backlog > BACKLOG_LIMIT_BYTES ? this.#writing : undefined;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    for (const stream of ["stdout", "stderr"] as const) {
      const rest = this.#unfinished[stream];
      if (rest) this.#encode(stream, rest, { position: this.#encoded[stream], last: true });
    }
    await this.release();
  }

  async release(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#flush();
    await this.#writing;
    closeSync(this.#fd);
    this.#journal?.close();
    this.#written = true;
    this.#tell();
  }

  /** Turns the lines of `data` into steps; what follows the last LF is kept, unless it is the very last. */
  #encode(stream: OutputStream, data: Buffer, { position, atMs, last = false }: EncodeOptions): void {
    const tail = Buffer.from(`","stream":"${stream}","time":"${logTime(atMs ?? this.#clock.now())}"}\n`);
    let target = this.#buffer ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    let from = 0;
    let at = 0;
    let start = 0;
    while (start < data.length) {
      const newline = data.indexOf(LF, start);
      const whole = newline >= 0 && newline - start < LONGEST_ENTRY_BYTES;
      if (!whole && data.length - start < LONGEST_ENTRY_BYTES && !last) break;
      const end = whole ? newline + 1 : cutOfLongLine(data, start);
      if (target.length - at < entryCapacity(end - start)) {
        this.#push(target.subarray(from, at), stream, position + start);
        target = Buffer.allocUnsafeSlow(BUFFER_BYTES);
        from = at = 0;
      }
      if (this.#size >= this.#maxSize) {
        this.#push(target.subarray(from, at), stream, position + start);
        this.#steps.push("rotate");
        this.#size = 0;
        from = at;
      }
      const entry = at;
      target.set(HEAD, at);
      at += HEAD.length;
      at = writeText(target, at, data, start, end);
      target.set(tail, at);
      at += tail.length;
      this.#size += at - entry;
      start = end;
    }
    this.#push(target.subarray(from, at), stream, position + start);
    this.#buffer = target;
    // A copy: the chunk is larger, and would be kept alive as long.
    this.#unfinished[stream] = start < data.length ? Buffer.from(data.subarray(start)) : undefined;
  }

  #push(entries: Buffer, stream: OutputStream, position: number): void {
    if (entries.length === 0) return;
    this.#encoded = { ...this.#encoded, [stream]: position };
    this.#steps.push({ entries, after: this.#encoded });
    this.#backlog += entries.length;
  }

  #flush(): void {
    if (this.#writing) this.#buffer = undefined;
    if (this.#writing || this.#steps.length === 0) return;
    if (this.#mayWriteNow()) {
      for (const step of this.#steps) if (step !== "rotate") this.#writeNow(step);
      this.#steps = [];
      this.#backlog = 0;
      this.#tell();
      return;
    }
    this.#buffer = undefined;
    this.#writing = this.#work().finally(() => {
      this.#writing = undefined;
    });
  }

  #mayWriteNow(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#immediate.second) this.#immediate = { second, bytes: 0 };
    this.#immediate.bytes += this.#backlog;
    return this.#immediate.bytes <= IMMEDIATE_BYTES_PER_SECOND && !this.#steps.includes("rotate");
  }

  #writeNow(batch: Batch): void {
    const size = this.#announce(batch);
    try {
      for (let written = 0; written < batch.entries.length; ) written += writeSync(this.#fd, batch.entries, written);
    } catch (error) {
      this.#dropCut(size, error as Error);
    }
    this.#logged = batch.after;
  }

  async #work(): Promise<void> {
    for (let step = this.#steps.shift(); step !== undefined; step = this.#steps.shift()) {
      if (step === "rotate") await this.#rotate().catch(() => undefined);
      else {
        const size = this.#announce(step);
        await writeAll(this.#fd, step.entries).catch((error: Error) => this.#dropCut(size, error));
        this.#backlog -= step.entries.length;
        this.#logged = step.after;
      }
      this.#tell();
    }
  }

  /** Notes what is about to be written in the journal; returns the file's size before. */
  #announce({ entries, after }: Batch): number {
    const { ino: inode, size } = fstatSync(this.#fd);
    try {
      this.#journal?.record({ inode, size, length: entries.length, before: this.#logged, after });
    } catch {
      // On a full run root the log is written all the same; only a supervisor that is killed now may tell a line twice.
    }
    faultPoint("log.announced");
    return size;
  }

  /** The disk is full, or the like: what cannot be written is lost, the entries before it stay whole. */
  #dropCut(size: number, error: Error): void {
    ftruncateSync(this.#fd, lastLineEnd(this.#fd, size));
    if (!this.#failed) this.#onFailure?.(error);
    this.#failed = true;
  }

  /** Moves the files up by one, and begins a new one. A log of one file is emptied. */
  async #rotate(): Promise<void> {
    if (this.#maxFiles < 2) {
      ftruncateSync(this.#fd);
      return;
    }
    await rotateLog(this.#path, this.#maxFiles);
    faultPoint("log.renamed");
    const previous = this.#fd;
    this.#fd = openLog(this.#path);
    faultPoint("log.rotated");
    await promisify(close)(previous);
  }

  /** A supervisor that died while it wrote may have left half an entry: the next one begins on a line of its own. */
  #endBrokenLine(): void {
    if (this.#size === 0) return;
    const last = Buffer.alloc(1);
    readSync(this.#fd, last, 0, 1, this.#size - 1);
    try {
      if (last[0] !== LF) writeSync(this.#fd, "\n");
    } catch (error) {
      this.#dropCut(this.#size, error as Error);
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

interface EncodeOptions {
  /** Where `data` begins in its output. */
  readonly position: number;
  /** When it was written, in milliseconds of the epoch; absent is now. */
  readonly atMs?: number | undefined;
  readonly last?: boolean;
}

/** Where a line without end is cut: at docker's length, less a character that would be torn. */
function cutOfLongLine(data: Buffer, start: number): number {
  const limit = start + LONGEST_ENTRY_BYTES;
  if (limit >= data.length) return data.length;
  for (let end = limit; end > limit - 4; end--) if (((data[end] ?? 0) & 0xc0) !== 0x80) return end;
  return limit;
}

/** O_APPEND, so that a truncated file goes on at its start; readable, for a look at its last byte. */
function openLog(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o640);
}

/** The offset behind the last whole entry at or behind `offset`, where one begins. */
function lastLineEnd(fd: number, offset: number): number {
  const rest = Buffer.allocUnsafe(Math.max(0, fstatSync(fd).size - offset));
  return offset + rest.subarray(0, readSync(fd, rest, 0, rest.length, offset)).lastIndexOf(LF) + 1;
}

async function writeAll(fd: number, entries: Buffer): Promise<void> {
  let offset = 0;
  while (offset < entries.length) {
    const { bytesWritten } = await promisify(write)(fd, entries, offset);
    offset += bytesWritten;
  }
}
