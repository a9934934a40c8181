import { type FileHandle, open, stat } from "node:fs/promises";
import { callAt } from "../wall-clock.ts";
import { entryTime, LogDecoder, type LogRun, type LogView } from "./json-log-decoder.ts";

export interface ReadLogOptions extends LogView {
  /** Only so many of the last entries; all when absent. */
  readonly tail?: number | undefined;
  /** Goes on with what is written later, until the log is closed. */
  readonly follow?: LogFollow | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Tells when a log grows: its writer. */
export interface LogFollow {
  readonly closed: boolean;
  onChange(listener: () => void): () => void;
}

/** A place in a log of several files, the oldest first. */
interface Position {
  readonly file: number;
  readonly offset: number;
}

const LF = 0x0a;
const BLOCK_BYTES = 256 * 1024;

/**
 * Reads a json-file log with its rotated files, oldest entry first. A tail is found from the end backwards and `since`
 * by bisection, so neither reads a log as a whole. A log that does not exist is empty.
 */
export async function* readJsonLog(path: string, options: ReadLogOptions): AsyncGenerator<LogRun, void, undefined> {
  const changes = options.follow && new Changes(options.follow, options);
  const files = await openLogFiles(path);
  try {
    const start = await startPosition(files, options);
    const decoder = new LogDecoder(options);
    for (const [index, file] of files.entries()) {
      if (index < start.file) continue;
      const reader = new FileReader(file, index === start.file ? start.offset : 0, decoder);
      yield* reader.read(options.signal);
      const current = index === files.length - 1;
      if (current && changes && !decoder.past) yield* follow(path, reader, decoder, changes, options);
      if (decoder.past || options.signal?.aborted) return;
    }
  } finally {
    changes?.stop();
    await Promise.all(files.map((file) => file.close()));
  }
}

/** Waits for the log to grow, reads on, and goes over to the next file when the log was rotated. */
async function* follow(
  path: string,
  first: FileReader,
  decoder: LogDecoder,
  changes: Changes,
  { signal }: ReadLogOptions,
): AsyncGenerator<LogRun, void, undefined> {
  let reader = first;
  const opened: FileHandle[] = [];
  try {
    while (!decoder.past && !signal?.aborted) {
      const last = changes.over;
      yield* reader.read(signal);
      const next = await filesAfter(path, reader);
      if (next.length > 0) {
        // What was written between the last read and the rotation.
        yield* reader.read(signal);
        opened.push(...next);
        for (const file of next) {
          reader = new FileReader(file, 0, decoder);
          yield* reader.read(signal);
        }
        continue;
      }
      if (last) return;
      await changes.next();
    }
  } finally {
    await Promise.all(opened.map((file) => file.close()));
  }
}

/** Reads one file from an offset on, and goes on where it stopped. */
class FileReader {
  readonly file: FileHandle;
  readonly #decoder: LogDecoder;
  #offset: number;
  /** The beginning of a line whose end has not been read. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(file: FileHandle, offset: number, decoder: LogDecoder) {
    this.file = file;
    this.#offset = offset;
    this.#decoder = decoder;
  }

  async *read(signal: AbortSignal | undefined): AsyncGenerator<LogRun, void, undefined> {
    while (!this.#decoder.past && !signal?.aborted) {
      const block = Buffer.allocUnsafeSlow(this.#rest.length + BLOCK_BYTES);
      this.#rest.copy(block);
      const { bytesRead } = await this.file.read(block, this.#rest.length, BLOCK_BYTES, this.#offset);
      if (bytesRead === 0) {
        // With a single file, rotation empties it.
        if ((await this.file.stat()).size >= this.#offset) return;
        this.#offset = 0;
        this.#rest = Buffer.alloc(0);
        continue;
      }
      this.#offset += bytesRead;
      const filled = block.subarray(0, this.#rest.length + bytesRead);
      const { runs, rest } = this.#decoder.decode(filled, 0);
      this.#rest = filled.subarray(rest);
      yield* runs;
    }
  }
}

/** Remembers whether the log has changed since it was last looked at. */
class Changes {
  readonly #follow: LogFollow;
  readonly #stop: () => void;
  #changed = true;
  #wake: () => void = () => undefined;
  #stopped = false;

  constructor(follow: LogFollow, { signal, until }: ReadLogOptions) {
    this.#follow = follow;
    const unlisten = follow.onChange(() => this.#notify());
    const end = () => {
      this.#stopped = true;
      this.#notify();
    };
    signal?.addEventListener("abort", end, { once: true });
    const forget = until === undefined ? undefined : callAt(Date.parse(until), end);
    this.#stop = () => {
      unlisten();
      signal?.removeEventListener("abort", end);
      forget?.();
    };
  }

  /** True when there will be no more entries than those written by now. */
  get over(): boolean {
    return this.#stopped || this.#follow.closed;
  }

  async next(): Promise<void> {
    if (!this.#changed && !this.over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#changed = false;
  }

  stop(): void {
    this.#stop();
  }

  #notify(): void {
    this.#changed = true;
    this.#wake();
  }
}

/** Opens the log's files, oldest first. The newest is opened first, so that a rotation meanwhile loses none. */
async function openLogFiles(path: string): Promise<FileHandle[]> {
  const files: FileHandle[] = [];
  const inodes = new Set<number>();
  // A rotation under way leaves one number free for a moment.
  for (let number = 0, missing = 0; missing < 2; number++) {
    const file = await openIfThere(number === 0 ? path : `${path}.${number}`);
    if (!file) {
      missing += 1;
      continue;
    }
    const { ino } = await file.stat();
    if (inodes.has(ino)) await file.close();
    else files.unshift(file);
    inodes.add(ino);
  }
  return files;
}

/** The files that came after the one `reader` reads, oldest first; none when it still is the current one. */
async function filesAfter(path: string, reader: FileReader): Promise<FileHandle[]> {
  const { ino } = await reader.file.stat();
  const current = await stat(path).catch(() => undefined);
  if (current === undefined || current.ino === ino) return [];
  const files = await openLogFiles(path);
  const inodes = await Promise.all(files.map(async (file) => (await file.stat()).ino));
  const known = inodes.indexOf(ino);
  await Promise.all(files.slice(0, known + 1).map((file) => file.close()));
  return files.slice(known + 1);
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function startPosition(files: readonly FileHandle[], { tail, since }: ReadLogOptions): Promise<Position> {
  if (tail !== undefined) return await tailPosition(files, tail);
  if (since !== undefined) return await sincePosition(files, since);
  return { file: 0, offset: 0 };
}

/** Where the last `count` entries begin. */
async function tailPosition(files: readonly FileHandle[], count: number): Promise<Position> {
  let wanted = count;
  const block = Buffer.allocUnsafeSlow(64 * 1024);
  for (let index = files.length - 1; index >= 0; index--) {
    const file = files[index] as FileHandle;
    const { size } = await file.stat();
    // The line feed at the very end closes the last entry and begins none.
    let end = await wholeLinesEnd(file, size, block);
    if (wanted === 0) return { file: index, offset: end };
    end -= 1;
    while (end > 0) {
      const start = Math.max(0, end - block.length);
      const { bytesRead } = await file.read(block, 0, end - start, start);
      for (let at = bytesRead - 1; at >= 0; at--) {
        if (block[at] !== LF) continue;
        wanted -= 1;
        if (wanted === 0) return { file: index, offset: start + at + 1 };
      }
      end = start;
    }
    // The first entry of a file has no line feed before it.
    if (size > 0) wanted -= 1;
    if (wanted === 0) return { file: index, offset: 0 };
  }
  return { file: 0, offset: 0 };
}

/** The offset behind the last line feed. */
async function wholeLinesEnd(file: FileHandle, size: number, block: Buffer): Promise<number> {
  for (let end = size; end > 0; end = Math.max(0, end - block.length)) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf(LF);
    if (at >= 0) return start + at + 1;
  }
  return 0;
}

/** A place at or shortly before the first entry of `since` or later. */
async function sincePosition(files: readonly FileHandle[], since: string): Promise<Position> {
  let index = files.length - 1;
  while (index > 0) {
    const first = await timeAfter(files[index] as FileHandle, 0);
    if (first !== undefined && first < since) break;
    index -= 1;
  }
  const file = files[index];
  if (!file) return { file: 0, offset: 0 };
  let low = 0;
  let high = (await file.stat()).size;
  while (high - low > BLOCK_BYTES) {
    const middle = Math.floor((low + high) / 2);
    const time = await timeAfter(file, middle);
    if (time !== undefined && time < since) low = middle;
    else high = middle;
  }
  return { file: index, offset: await lineStart(file, low) };
}

/** The time of the first whole entry behind `offset`. */
async function timeAfter(file: FileHandle, offset: number): Promise<string | undefined> {
  const start = await lineStart(file, offset);
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  const { bytesRead } = await file.read(block, 0, block.length, start);
  const end = block.subarray(0, bytesRead).indexOf(LF);
  return end < 0 ? undefined : entryTime(block.toString("utf8", 0, end));
}

/** The first offset, `offset` or behind it, where a line begins. */
async function lineStart(file: FileHandle, offset: number): Promise<number> {
  if (offset === 0) return 0;
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  const { bytesRead } = await file.read(block, 0, block.length, offset - 1);
  const at = block.subarray(0, bytesRead).indexOf(LF);
  return at < 0 ? offset : offset + at;
}
