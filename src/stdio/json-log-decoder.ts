import { fixedLogTime } from "./json-log-line.ts";
import type { OutputStream } from "./process-io.ts";

/** A piece of output of one stream, ready to be shown. */
export interface LogRun {
  readonly stream: OutputStream;
  readonly data: Buffer;
}

/** Which entries are shown, and how. */
export interface LogView {
  /** The first and the last moment shown, as RFC 3339 with nine digits. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Puts the time before each entry. */
  readonly timestamps: boolean;
  /** Puts the (empty) list of extra attributes before each entry, as docker's --details. */
  readonly details: boolean;
}

interface Entry {
  readonly log: string;
  readonly stream: OutputStream;
  readonly time: string;
}

const LF = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HEAD = Buffer.from('{"log":"');
const STREAM = Buffer.from(',"stream":"std');
const TAILS = { stdout: Buffer.from('out","time":"'), stderr: Buffer.from('err","time":"') };
/** The letters behind a backslash that stand for one byte. */
const ESCAPES: Readonly<Record<number, number>> = { 110: LF, 114: 0x0d, 116: 0x09, 34: QUOTE, 92: BACKSLASH };

/**
 * Turns a log's bytes back into output. Entries as wharf and docker write them are decoded byte by byte, ten times
 * faster than JSON.parse; any other form goes through JSON.parse, and what that refuses, such as the half entry of a
 * crash, is left out. Neighbours of one stream come out as one piece.
 */
export class LogDecoder {
  readonly #view: LogView;
  readonly #plain: boolean;
  /** True once an entry later than `until` was met: nothing after it is of interest. */
  past = false;

  constructor(view: LogView) {
    this.#view = view;
    this.#plain = !view.timestamps && !view.details && view.since === undefined && view.until === undefined;
  }

  /** Decodes the whole lines of `block` from `start` on; returns the output and where the unfinished line begins. */
  decode(block: Buffer, start: number): { readonly runs: LogRun[]; readonly rest: number } {
    const runs: LogRun[] = [];
    const output = new Output(block.length - start, runs);
    let line = start;
    for (let end = block.indexOf(LF, line); end >= 0 && !this.past; end = block.indexOf(LF, line)) {
      this.#decodeLine(block, line, end, output);
      line = end + 1;
    }
    output.finish();
    return { runs, rest: line };
  }

  #decodeLine(block: Buffer, start: number, end: number, output: Output): void {
    const mark = output.length;
    const quote = matches(block, start, HEAD) ? unescapeText(block, start + HEAD.length, end, output) : -1;
    const stream = quote < 0 ? undefined : streamAt(block, quote + 1);
    if (quote < 0 || stream === undefined) {
      output.length = mark;
      this.#decodeSlowly(block.toString("utf8", start, end), output);
      return;
    }
    if (this.#plain) {
      if (this.#view[stream]) output.commit(stream, mark);
      else output.length = mark;
      return;
    }
    const timeStart = quote + 1 + STREAM.length + TAILS.stdout.length;
    const time = fixedLogTime(block.toString("latin1", timeStart, block.indexOf(QUOTE, timeStart)));
    const text = Buffer.from(output.taken(mark));
    output.length = mark;
    this.#show(stream, time, text, output);
  }

  #decodeSlowly(line: string, output: Output): void {
    const entry = parseEntry(line);
    if (entry) this.#show(entry.stream, fixedLogTime(entry.time), Buffer.from(entry.log), output);
  }

  #show(stream: OutputStream, time: string, text: Buffer, output: Output): void {
    const { since, until, timestamps, details } = this.#view;
    if (until !== undefined && time > until) {
      this.past = true;
      return;
    }
    if (!this.#view[stream] || (since !== undefined && time < since)) return;
    const prefix = `${timestamps ? `${time} ` : ""}${details ? " " : ""}`;
    output.append(stream, prefix === "" ? text : Buffer.concat([Buffer.from(prefix), text]));
  }
}

/** The time of the entry that `line` holds, as RFC 3339 with nine digits; undefined when it is no entry. */
export function entryTime(line: string): string | undefined {
  const entry = parseEntry(line);
  return entry && fixedLogTime(entry.time);
}

/** Collects decoded bytes; the bytes of one stream in a row are one run. */
class Output {
  readonly #runs: LogRun[];
  #buffer: Buffer;
  #from = 0;
  #stream: OutputStream = "stdout";
  /** End of what has been written; setting it back takes back. */
  length = 0;

  constructor(capacity: number, runs: LogRun[]) {
    // Decoding only ever shortens.
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(capacity, 1));
    this.#runs = runs;
  }

  put(byte: number): void {
    this.#buffer[this.length++] = byte;
  }

  get bytes(): Buffer {
    return this.#buffer;
  }

  taken(mark: number): Buffer {
    return this.#buffer.subarray(mark, this.length);
  }

  /** What was written since `mark` belongs to `stream`. */
  commit(stream: OutputStream, mark: number): void {
    if (stream === this.#stream) return;
    this.#cut(mark);
    this.#stream = stream;
  }

  /** Adds bytes that need not fit the buffer. */
  append(stream: OutputStream, bytes: Buffer): void {
    if (this.length + bytes.length > this.#buffer.length) {
      this.#cut(this.length);
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length, bytes.length));
      this.#from = this.length = 0;
    }
    const mark = this.length;
    this.length += bytes.copy(this.#buffer, mark);
    this.commit(stream, mark);
  }

  finish(): void {
    this.#cut(this.length);
  }

  #cut(end: number): void {
    if (end > this.#from) this.#runs.push({ stream: this.#stream, data: this.#buffer.subarray(this.#from, end) });
    this.#from = end;
  }
}

/** Decodes a JSON string's inside up to its quote; returns the quote's offset, or -1 if it is not simple. */
function unescapeText(block: Buffer, start: number, end: number, output: Output): number {
  const target = output.bytes;
  let at = output.length;
  for (let read = start; read < end; read++) {
    const byte = block[read] as number;
    if (byte === QUOTE) {
      output.length = at;
      return read;
    }
    if (byte !== BACKSLASH) {
      target[at++] = byte;
      continue;
    }
    const escaped = block[++read] as number;
    const plain = ESCAPES[escaped];
    if (plain !== undefined) target[at++] = plain;
    else {
      // `\u` and four digits: a control character, HTML's special ones, or a line separator.
      const code = escaped === 0x75 ? Number.parseInt(block.toString("latin1", read + 1, read + 5), 16) : Number.NaN;
      if (Number.isNaN(code) || (code >= 0xd800 && code < 0xe000)) return -1;
      at += target.write(String.fromCharCode(code), at);
      read += 4;
    }
  }
  return -1;
}

function streamAt(block: Buffer, offset: number): OutputStream | undefined {
  if (!matches(block, offset, STREAM)) return undefined;
  if (matches(block, offset + STREAM.length, TAILS.stdout)) return "stdout";
  return matches(block, offset + STREAM.length, TAILS.stderr) ? "stderr" : undefined;
}

function matches(block: Buffer, offset: number, expected: Buffer): boolean {
  for (let index = 0; index < expected.length; index++) if (block[offset + index] !== expected[index]) return false;
  return true;
}

function parseEntry(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) return undefined;
    const { log, stream, time } = value as Partial<Record<keyof Entry, unknown>>;
    if (typeof log !== "string" || typeof time !== "string") return undefined;
    return { log, stream: stream === "stderr" ? "stderr" : "stdout", time };
  } catch {
    return undefined;
  }
}
