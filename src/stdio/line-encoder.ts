import { isUtf8 } from "node:buffer";
import { ENCODE_LINES_WASM } from "./generated/encode-lines.ts";
import { ENTRY_HEAD, LONGEST_ENTRY_BYTES } from "./json-log-line.ts";

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

/** Characters beyond ASCII that Go escapes, as JavaScript once took them for the end of a line. */
const GO_ESCAPES = ["\u2028", "\u2029"].map((character) => Buffer.from(character));

/** Encodes lines, many at a time, in the memory of a WebAssembly module. Keeps nothing from one call to the next. */
export class LineEncoder {
  readonly #wasm: Encoder;
  readonly #memory: Buffer;

  constructor() {
    const module = new WebAssembly.Module(Buffer.from(ENCODE_LINES_WASM, "base64"));
    this.#wasm = new WebAssembly.Instance(module).exports as Encoder;
    this.#memory = Buffer.from(this.#wasm.memory.buffer);
  }

  /**
   * Writes whole lines, `LONGEST_ENTRY_BYTES` of them at most, as entries, one behind the other: what `writeText` and what
   * stands around the text make of each, ten times as fast. `tail` is what follows the text in every entry. The result is
   * memory that the next call uses again. Undefined for lines that have to be written one by one.
   */
  encode(lines: Buffer, tail: string): Buffer | undefined {
    if (lines.length > LONGEST_ENTRY_BYTES || !isUtf8(lines)) return undefined;
    if (GO_ESCAPES.some((character) => lines.includes(character))) return undefined;
    const { LINES, SEPARATOR, ENTRIES } = this.#wasm;
    this.#memory.set(lines, LINES.value);
    const separatorLength = this.#memory.write(`\\n${tail}${ENTRY_HEAD}`, SEPARATOR.value, "latin1");
    const start = ENTRIES.value - ENTRY_HEAD.length;
    this.#memory.write(ENTRY_HEAD, start, "latin1");
    const length = this.#wasm.encodeLines(lines.length, separatorLength);
    // Less the head of an entry that does not follow.
    return this.#memory.subarray(start, ENTRIES.value + length - ENTRY_HEAD.length);
  }
}
