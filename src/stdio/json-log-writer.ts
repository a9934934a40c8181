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
import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { faultPoint } from "../fault-point.ts";
import { entryCapacity, LONGEST_ENTRY_BYTES, logTime, writeText } from "./json-log-line.ts";
import type { OutputLog, OutputStream } from "./process-io.ts";

export interface JsonLogOptions {
  readonly path: string;
  /** The file is rotated before an entry that would be written beyond this size. */
  readonly maxSizeBytes?: number | undefined;
  /** How many files there are, the current one included. */
  readonly maxFiles?: number | undefined;
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

type Step = Buffer | "rotate";

/**
 * Writes a container's output in docker's json-file format, an entry a line:
 * `{"log":"text\n","stream":"stdout","time":"…"}`. Small output is written at once; under load, in batches and off the
 * event loop. A disk that is full loses entries and never stops the container.
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
  #closed = false;
  #written = false;

  /** Opens the log for appending; makes its directory. */
  constructor({ path, maxSizeBytes, maxFiles }: JsonLogOptions) {
    this.#path = path;
    this.#maxSize = maxSizeBytes ?? Number.POSITIVE_INFINITY;
    this.#maxFiles = maxFiles ?? 1;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#fd = openLog(path);
    this.#size = fstatSync(this.#fd).size;
    this.#endBrokenLine();
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

  write(stream: OutputStream, chunk: Buffer): Promise<void> | undefined {
    if (this.#closed) return undefined;
    const unfinished = this.#unfinished[stream];
    const data = unfinished ? Buffer.concat([unfinished, chunk]) : chunk;
    this.#encode(stream, data, false);
    this.#flush();
    return this.#backlog > BACKLOG_LIMIT_BYTES ? this.#writing : undefined;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    for (const stream of ["stdout", "stderr"] as const) {
      const rest = this.#unfinished[stream];
      if (rest) this.#encode(stream, rest, true);
    }
    this.#closed = true;
    this.#flush();
    await this.#writing;
    closeSync(this.#fd);
    this.#written = true;
    this.#tell();
  }

  /** Turns the lines of `data` into steps; what follows the last LF is kept, unless it is the very last. */
  #encode(stream: OutputStream, data: Buffer, last: boolean): void {
    const tail = Buffer.from(`","stream":"${stream}","time":"${logTime()}"}\n`);
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
        this.#push(target.subarray(from, at));
        target = Buffer.allocUnsafeSlow(BUFFER_BYTES);
        from = at = 0;
      }
      if (this.#size >= this.#maxSize) {
        this.#push(target.subarray(from, at));
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
    this.#push(target.subarray(from, at));
    this.#buffer = target;
    // A copy: the chunk is larger, and would be kept alive as long.
    this.#unfinished[stream] = start < data.length ? Buffer.from(data.subarray(start)) : undefined;
  }

  #push(entries: Buffer): void {
    if (entries.length === 0) return;
    this.#steps.push(entries);
    this.#backlog += entries.length;
  }

  #flush(): void {
    if (this.#writing) this.#buffer = undefined;
    if (this.#writing || this.#steps.length === 0) return;
    if (this.#mayWriteNow()) {
      for (const step of this.#steps) if (step instanceof Buffer) this.#writeNow(step);
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

  #writeNow(entries: Buffer): void {
    try {
      writeSync(this.#fd, entries);
    } catch {
      // See the class: a full disk loses entries.
    }
  }

  async #work(): Promise<void> {
    for (let step = this.#steps.shift(); step !== undefined; step = this.#steps.shift()) {
      if (step === "rotate") await this.#rotate().catch(() => undefined);
      else {
        await writeAll(this.#fd, step).catch(() => undefined);
        this.#backlog -= step.length;
      }
      this.#tell();
    }
  }

  /** Moves the files up by one, `<path>` to `<path>.1`, and begins a new one. */
  async #rotate(): Promise<void> {
    if (this.#maxFiles < 2) {
      ftruncateSync(this.#fd);
      return;
    }
    await rm(`${this.#path}.${this.#maxFiles - 1}`, { force: true });
    for (let number = this.#maxFiles - 2; number >= 0; number--) {
      const from = number === 0 ? this.#path : `${this.#path}.${number}`;
      await rename(from, `${this.#path}.${number + 1}`).catch(() => undefined);
    }
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
    if (last[0] !== LF) this.#writeNow(Buffer.from("\n"));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
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

async function writeAll(fd: number, entries: Buffer): Promise<void> {
  let offset = 0;
  while (offset < entries.length) {
    const { bytesWritten } = await promisify(write)(fd, entries, offset);
    offset += bytesWritten;
  }
}
