import { WallClock } from "../wall-clock.ts";
import { ENTRY_HEAD, entryCapacity, LONGEST_ENTRY_BYTES, logTime, writeText } from "./json-log-line.ts";
import { LineEncoder } from "./line-encoder.ts";
import type { LogPositions } from "./log-journal.ts";
import type { ChunkOrigin, OutputStream } from "./process-io.ts";

/** Whole entries, and what of the outputs the log holds with them. */
export interface Batch {
  readonly entries: Buffer;
  readonly after: LogPositions;
}

/** What is to be done to the log, in order. */
export type LogStep = Batch | "rotate";

const LF = 0x0a;
/** Room for the longest entry, and for the entries of as much output as comes at a time. */
const BUFFER_BYTES = Math.max(512 * 1024, entryCapacity(LONGEST_ENTRY_BYTES));
/** So many buffers are kept under load, for all logs: a new one costs a page fault for every 4 KiB of it. */
const SPARE_BUFFERS = 8;
/** Lines of fewer bytes than this are as quickly written one by one. */
const FEW_BYTES = 512;
const HEAD = Buffer.from(ENTRY_HEAD);

/** Turns the lines of a run's outputs into entries of a json-file log; keeps the lines that have no end yet. */
export class JsonLogEncoder {
  /** Both are all logs', which are written by one thread. */
  static readonly #spare: Buffer[] = [];
  static #lines: LineEncoder | undefined;
  readonly #clock = new WallClock();
  readonly #maxSize: number;
  /** Size of the current file once all steps are done. */
  #size: number;
  /** What of the outputs has been made entries of; the rest is unfinished lines. */
  #encoded: LogPositions = { stdout: 0, stderr: 0 };
  readonly #unfinished: Record<OutputStream, Buffer | undefined> = { stdout: undefined, stderr: undefined };
  #steps: LogStep[] = [];
  #buffer: Buffer | undefined;
  /** How much of the buffer is entries that are no step yet. */
  #filled = 0;

  /** `size` is that of the current file; it is rotated before an entry that would begin at or behind `maxSize`. */
  constructor({ size, maxSize }: { readonly size: number; readonly maxSize: number }) {
    this.#size = size;
    this.#maxSize = maxSize;
  }

  /** Goes on in a file of this size, which holds this much of the outputs. */
  resume(size: number, logged: LogPositions): void {
    this.#size = size;
    this.#encoded = logged;
  }

  /** Takes what comes next of an output, of which nothing is kept. */
  encode(stream: OutputStream, chunk: Buffer, { position, atMs }: ChunkOrigin): void {
    const unfinished = this.#unfinished[stream];
    const data = unfinished ? Buffer.concat([unfinished, chunk]) : chunk;
    const start = position === undefined ? this.#encoded[stream] : position - (unfinished?.length ?? 0);
    this.#encode(stream, data, { position: start, atMs, last: false });
  }

  /** No more comes: lines without an end become entries as they are. */
  finish(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const rest = this.#unfinished[stream];
      if (rest) this.#encode(stream, rest, { position: this.#encoded[stream], atMs: undefined, last: true });
    }
  }

  /** What has come up since the last call. A batch's buffer is the caller's until it is given back. */
  takeSteps(): LogStep[] {
    const steps = this.#steps;
    this.#steps = [];
    return steps;
  }

  /** The batch is written: its buffer may be used again. */
  giveBack({ entries }: Batch): void {
    const spare = JsonLogEncoder.#spare;
    if (spare.length < SPARE_BUFFERS) spare.push(Buffer.from(entries.buffer));
  }

  /** No batch is under way: what was kept for a burst goes, bar one. */
  rest(): void {
    JsonLogEncoder.#spare.splice(1);
  }

  #encode(stream: OutputStream, data: Buffer, { position, atMs, last }: EncodeOptions): void {
    const tail = `","stream":"${stream}","time":"${logTime(atMs ?? this.#clock.now())}"}\n`;
    const tailBytes = Buffer.from(tail);
    let start = 0;
    /** Up to here lines are written one by one. */
    let singlyUntil = 0;
    while (start < data.length) {
      // As many whole lines as cannot hold one that is too long.
      const linesEnd = data.lastIndexOf(LF, start + LONGEST_ENTRY_BYTES - 1) + 1;
      if (start >= singlyUntil && linesEnd - start >= FEW_BYTES) {
        if (this.#writeLines(data.subarray(start, linesEnd), tail, { stream, position: position + start })) {
          start = linesEnd;
          continue;
        }
        singlyUntil = linesEnd;
      }
      const newline = data.indexOf(LF, start);
      const whole = newline >= 0 && newline - start < LONGEST_ENTRY_BYTES;
      if (!whole && data.length - start < LONGEST_ENTRY_BYTES && !last) break;
      const end = whole ? newline + 1 : cutOfLongLine(data, start);
      const at = { stream, position: position + start };
      if (this.#size >= this.#maxSize) this.#rotate(at);
      this.#writeLine(data.subarray(start, end), tailBytes, at);
      start = end;
    }
    this.#push({ stream, position: position + start });
    // A copy: the chunk is larger, and is not ours.
    this.#unfinished[stream] = start < data.length ? Buffer.from(data.subarray(start)) : undefined;
  }

  /** Writes lines as entries, all at once; false when they have to be written one by one. */
  #writeLines(lines: Buffer, tail: string, begin: StreamPosition): boolean {
    JsonLogEncoder.#lines ??= new LineEncoder();
    const entries = JsonLogEncoder.#lines.encode(lines, tail);
    if (entries === undefined || entries.length > BUFFER_BYTES) return false;
    if (this.#size + entries.length > this.#maxSize) return false;
    this.#room(entries.length, begin).set(entries, this.#filled);
    this.#grow(entries.length);
    return true;
  }

  #writeLine(line: Buffer, tail: Buffer, begin: StreamPosition): void {
    const target = this.#room(entryCapacity(line.length), begin);
    target.set(HEAD, this.#filled);
    const textEnd = writeText(target, this.#filled + HEAD.length, line);
    target.set(tail, textEnd);
    this.#grow(textEnd + tail.length - this.#filled);
  }

  #grow(length: number): void {
    this.#filled += length;
    this.#size += length;
  }

  /** The buffer to go on in, with room for so many bytes of entries that begin at `begin` of their output. */
  #room(bytes: number, begin: StreamPosition): Buffer {
    if (this.#buffer && BUFFER_BYTES - this.#filled < bytes) this.#push(begin);
    this.#buffer ??= JsonLogEncoder.#spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    return this.#buffer;
  }

  #rotate(begin: StreamPosition): void {
    this.#push(begin);
    this.#steps.push("rotate");
    this.#size = 0;
  }

  /** Makes a batch of what the buffer holds: the entries up to `end`. */
  #push({ stream, position }: StreamPosition): void {
    this.#encoded = { ...this.#encoded, [stream]: position };
    if (this.#buffer === undefined) return;
    this.#steps.push({ entries: this.#buffer.subarray(0, this.#filled), after: this.#encoded });
    this.#buffer = undefined;
    this.#filled = 0;
  }
}

/** A place in an output, counted in bytes from the start of the run. */
interface StreamPosition {
  readonly stream: OutputStream;
  readonly position: number;
}

interface EncodeOptions {
  /** Where `data` begins in its output. */
  readonly position: number;
  /** When it was written, in milliseconds of the epoch; undefined is now. */
  readonly atMs: number | undefined;
  readonly last: boolean;
}

/** Where a line without end is cut: at docker's length, less a character that would be torn. */
function cutOfLongLine(data: Buffer, start: number): number {
  const limit = start + LONGEST_ENTRY_BYTES;
  if (limit >= data.length) return data.length;
  for (let end = limit; end > limit - 4; end--) if (((data[end] ?? 0) & 0xc0) !== 0x80) return end;
  return limit;
}
