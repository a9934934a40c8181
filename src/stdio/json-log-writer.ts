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
import { type Batch, JsonLogEncoder, type LogStep } from "./json-log-encoder.ts";
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
/**
 * Writes a container's output in docker's json-file format, an entry a line:
 * `{"log":"text\n","stream":"stdout","time":"…"}`. Small output is written at once; under load, in batches and off the
 * event loop. A disk that is full loses entries and never stops the container.
 *
 * With a journal (see `resume`) the log holds every entry once, whenever the process that writes it is killed.
 */
export class JsonLogWriter implements OutputLog {
  readonly #path: string;
  readonly #maxFiles: number;
  readonly #encoder: JsonLogEncoder;
  #fd: number;
  #steps: LogStep[] = [];
  #backlog = 0;
  /** What was written at once in the present second. */
  #immediate = { second: 0, bytes: 0 };
  #writing: Promise<void> | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #onFailure: ((error: Error) => void) | undefined;
  #failed = false;
  #journal: LogJournal | undefined;
  /** What of the outputs is in the file. */
  #logged: LogPositions = { stdout: 0, stderr: 0 };
  #closed = false;
  #written = false;

  /** Opens the log for appending; makes its directory. */
  constructor({ path, maxSizeBytes, maxFiles, onFailure }: JsonLogOptions) {
    this.#path = path;
    this.#onFailure = onFailure;
    this.#maxFiles = maxFiles ?? 1;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#fd = openLog(path);
    this.#endBrokenLine();
    const { size } = fstatSync(this.#fd);
    this.#encoder = new JsonLogEncoder({ size, maxSize: maxSizeBytes ?? Number.POSITIVE_INFINITY });
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
    this.#logged = isCut ? last.before : last.after;
    this.#encoder.resume(isCut ? last.size : size, this.#logged);
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
    this.#encoder.encode(stream, chunk, origin);
    this.#flush();
    return this.#backlog > BACKLOG_LIMIT_BYTES ? this.#writing : undefined;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#encoder.finish();
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

  #flush(): void {
    for (const step of this.#encoder.takeSteps()) {
      this.#steps.push(step);
      if (step !== "rotate") this.#backlog += step.entries.length;
    }
    if (this.#writing || this.#steps.length === 0) return;
    if (this.#mayWriteNow()) {
      for (const step of this.#steps) if (step !== "rotate") this.#writeNow(step);
      this.#steps = [];
      this.#tell();
      return;
    }
    this.#writing = this.#work().finally(() => {
      this.#writing = undefined;
      this.#encoder.rest();
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
    this.#wrote(batch);
  }

  async #work(): Promise<void> {
    for (let step = this.#steps.shift(); step !== undefined; step = this.#steps.shift()) {
      if (step === "rotate") await this.#rotate().catch(() => undefined);
      else {
        const size = this.#announce(step);
        await writeAll(this.#fd, step.entries).catch((error: Error) => this.#dropCut(size, error));
        this.#wrote(step);
      }
      this.#tell();
    }
  }

  #wrote(batch: Batch): void {
    this.#backlog -= batch.entries.length;
    this.#logged = batch.after;
    this.#encoder.giveBack(batch);
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
    const { size } = fstatSync(this.#fd);
    if (size === 0) return;
    const last = Buffer.alloc(1);
    readSync(this.#fd, last, 0, 1, size - 1);
    try {
      if (last[0] !== LF) writeSync(this.#fd, "\n");
    } catch (error) {
      this.#dropCut(size, error as Error);
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
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
