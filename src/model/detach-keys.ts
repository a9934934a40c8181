import { EngineError } from "../errors.ts";

/** docker's default: ctrl-p, then ctrl-q. */
export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";

const CONTROL_CHARACTERS = "@abcdefghijklmnopqrstuvwxyz[\\]^_";
const DELETE = 0x7f;

/**
 * Reads docker's form of a key sequence, `ctrl-p,ctrl-q` or `a,b,DEL`, into the bytes that a terminal sends for it.
 * `""` is no sequence: nothing detaches.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === "") return new Uint8Array();
  return Uint8Array.from(text.split(","), keyCode);
}

function keyCode(key: string): number {
  if (key.length === 1 && key < "\x80") return key.charCodeAt(0);
  if (key === "DEL") return DELETE;
  const code = /^ctrl-.$/.test(key) ? CONTROL_CHARACTERS.indexOf(key.slice(-1)) : -1;
  if (code < 0) throw new EngineError("invalid-argument", `Unknown character: '${key}'`);
  return code;
}

/** Looks for a key sequence in what is typed; keys that might begin it are held back until the next one decides. */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** Returns what may be passed on, and whether the sequence is complete; after that nothing more should come. */
  scan(chunk: Uint8Array): { readonly pass: Uint8Array; readonly detached: boolean } {
    const [first] = this.#keys;
    if (first === undefined || (this.#matched === 0 && !chunk.includes(first))) return { pass: chunk, detached: false };
    const pass: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.#keys[this.#matched]) {
        pass.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== this.#keys[this.#matched]) pass.push(byte);
      else this.#matched += 1;
      if (this.#matched === this.#keys.length) return { pass: Uint8Array.from(pass), detached: true };
    }
    return { pass: Uint8Array.from(pass), detached: false };
  }
}
