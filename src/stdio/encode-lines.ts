import { isUtf8 } from "node:buffer";
import { ENCODE_LINES_WASM } from "./generated/encode-lines.ts";
import { ENTRY_HEAD, LONGEST_ENTRY_BYTES, UTF8_LINE_SEPARATOR } from "./json-log-line.ts";

/** Node's types leave it out. */
declare const WebAssembly: {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** What wasm/encode-lines.ts exports. */
interface Encoder {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly LINES: { readonly value: number };
  readonly SEPARATOR: { readonly value: number };
  readonly ENTRIES: { readonly value: number };
  encodeLines(length: number, separatorLength: number): number;
}

interface LoadedEncoder {
  readonly encoder: Encoder;
  readonly memory: Buffer;
}

let loaded: LoadedEncoder | undefined;

/**
 * Writes whole lines, `LONGEST_ENTRY_BYTES` of them at most, as entries, one behind the other: what `writeText` and what
 * stands around the text make of each, ten times as fast. `tail` is what follows the text in every entry. The result is
 * memory that the next call uses again. Undefined for lines that have to be written one by one.
 */
export function encodeLines(lines: Buffer, tail: string): Buffer | undefined {
  if (lines.length > LONGEST_ENTRY_BYTES || !isUtf8(lines) || lines.includes(UTF8_LINE_SEPARATOR)) return undefined;
  loaded ??= load();
  const { encoder, memory } = loaded;
  memory.set(lines, encoder.LINES.value);
  const separatorLength = memory.write(`\\n${tail}${ENTRY_HEAD}`, encoder.SEPARATOR.value, "latin1");
  const start = encoder.ENTRIES.value - ENTRY_HEAD.length;
  memory.write(ENTRY_HEAD, start, "latin1");
  const length = encoder.encodeLines(lines.length, separatorLength);
  // The head of an entry that does not follow.
  return memory.subarray(start, encoder.ENTRIES.value + length - ENTRY_HEAD.length);
}

function load(): LoadedEncoder {
  const module = new WebAssembly.Module(Buffer.from(ENCODE_LINES_WASM, "base64"));
  const encoder = new WebAssembly.Instance(module).exports as Encoder;
  return { encoder, memory: Buffer.from(encoder.memory.buffer) };
}
