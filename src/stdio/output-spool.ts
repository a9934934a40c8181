import { closeSync, constants, openSync, readdirSync, readSync, statSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { faultPoint } from "../fault-point.ts";
import type { Spliced } from "./libc.ts";
import type { OutputStream } from "./process-io.ts";

/** A file of the spool is not grown beyond this; only whole files are given back. */
const SEGMENT_BYTES = 128 * 1024;
/** The end of a segment's name is the position of its first byte. */
const NAME = /^(?:stdout|stderr)\.spool\.(\d+)$/;

/** A file of the spool. */
interface Segment {
  readonly start: number;
  length: number;
}

/**
 * What a process has written to one output, on disk from the moment it leaves the FIFO until everybody who needs it has
 * it: the log, and clients that may come back for it. A *position* counts the output's bytes from the start of the run.
 *
 * It lies in a directory on a tmpfs, in files of some size, and the oldest is removed once nobody needs it; so a run
 * that writes for ever has a spool of a few hundred kilobytes.
 */
export class OutputSpool {
  readonly #directory: string;
  readonly #stream: OutputStream;
  readonly #segments: Segment[] = [];
  /** The last segment, once something is appended. */
  #fd: number | undefined;
  #end = 0;

  /** An empty spool, in the place of what an earlier run has left in `directory`. */
  static create(directory: string, stream: OutputStream): OutputSpool {
    for (const start of segmentStarts(directory, stream)) removeFile(segmentPath(directory, stream, start));
    return new OutputSpool(directory, stream);
  }

  /** The spool of a run, as an earlier supervisor left it. */
  static open(directory: string, stream: OutputStream): OutputSpool {
    const spool = new OutputSpool(directory, stream);
    for (const start of segmentStarts(directory, stream)) {
      const { size } = statSync(segmentPath(directory, stream, start));
      spool.#segments.push({ start, length: size });
      spool.#end = start + size;
    }
    return spool;
  }

  private constructor(directory: string, stream: OutputStream) {
    this.#directory = directory;
    this.#stream = stream;
  }

  /** The position of the first byte that is still here. */
  get start(): number {
    return this.#segments[0]?.start ?? this.#end;
  }

  /** The position behind the last byte. */
  get end(): number {
    return this.#end;
  }

  /** When something was last appended, in milliseconds of the epoch; undefined if nothing was. */
  get changedAtMs(): number | undefined {
    const last = this.#segments.at(-1);
    return last && statSync(segmentPath(this.#directory, this.#stream, last.start)).mtimeMs;
  }

  /** Appends what `move` moves into the file that it is given, at the offset that it is given. */
  fill(move: (file: number, offset: number) => Spliced): Spliced {
    const segment = this.#openSegment();
    const moved = move(this.#fd as number, segment.length);
    if (typeof moved === "number") this.#grow(segment, moved);
    faultPoint("output.spooled");
    return moved;
  }

  /** Fills `target` with the last bytes, which were appended in one piece; returns what was read. */
  last(target: Buffer): Buffer {
    const segment = this.#segments.at(-1) as Segment;
    return this.#readSegment(segment, segment.length - target.length, target);
  }

  /** Appends a chunk. */
  append(chunk: Buffer): void {
    for (let written = 0; written < chunk.length; ) {
      const segment = this.#openSegment();
      const count = writeSync(this.#fd as number, chunk, written, chunk.length - written, segment.length);
      this.#grow(segment, count);
      written += count;
    }
  }

  /** Counts bytes that the spool could not take: they are not here, and the next ones come behind them. */
  skipTo(position: number): void {
    if (position <= this.#end) return;
    this.#closeFile();
    this.#end = position;
  }

  /** Reads what is here between two positions. */
  *read(from: number, to: number): Generator<{ readonly position: number; readonly chunk: Buffer }, void, undefined> {
    for (const segment of this.#segments) {
      const start = Math.max(from, segment.start);
      const length = Math.min(to, segment.start + segment.length) - start;
      if (length <= 0) continue;
      const chunk = this.#readSegment(segment, start - segment.start, Buffer.allocUnsafeSlow(length));
      yield { position: start, chunk };
    }
  }

  /** Nobody needs what lies before `position`. The last file stays: it tells where the next byte belongs. */
  release(position: number): void {
    while (this.#segments.length > 1) {
      const first = this.#segments[0] as Segment;
      if (first.start + first.length > position) return;
      this.#segments.shift();
      removeFile(segmentPath(this.#directory, this.#stream, first.start));
    }
  }

  /** Closes the file; what it holds stays. */
  close(): void {
    this.#closeFile();
  }

  #grow(segment: Segment, count: number): void {
    segment.length += count;
    this.#end += count;
  }

  /** The segment to append to, its file open. */
  #openSegment(): Segment {
    let last = this.#segments.at(-1);
    if (last && this.#fd !== undefined && last.length < SEGMENT_BYTES) return last;
    this.#closeFile();
    // Never the file of an earlier supervisor: whoever wrote it last knew its length.
    if (last === undefined || last.start + last.length !== this.#end || last.length > 0) {
      last = { start: this.#end, length: 0 };
    }
    const path = segmentPath(this.#directory, this.#stream, last.start);
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    if (this.#segments.at(-1) !== last) this.#segments.push(last);
    return last;
  }

  #readSegment(segment: Segment, offset: number, target: Buffer): Buffer {
    const isLast = segment === this.#segments.at(-1) && this.#fd !== undefined;
    const fd = isLast
      ? (this.#fd as number)
      : openSync(segmentPath(this.#directory, this.#stream, segment.start), constants.O_RDONLY);
    try {
      return target.subarray(0, readSync(fd, target, 0, target.length, offset));
    } finally {
      if (!isLast) closeSync(fd);
    }
  }

  #closeFile(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function segmentPath(directory: string, stream: OutputStream, start: number): string {
  return join(directory, `${stream}.spool.${start}`);
}

/** `rmSync` looks at a file from all sides first, which takes longer than all the rest. */
function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** The positions at which a spool's files begin, in order. */
function segmentStarts(directory: string, stream: OutputStream): number[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(`${stream}.`) && NAME.test(name))
    .map((name) => Number(NAME.exec(name)?.[1]))
    .sort((one, other) => one - other);
}
