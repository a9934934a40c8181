import { Transform, type TransformCallback } from "node:stream";
import { DEFAULT_DETACH_KEYS, DetachScanner, parseDetachKeys } from "../../model/detach-keys.ts";

/**
 * What a client types into a terminal, without the keys by which it detaches. `onDetach` is called when it does, and
 * the input does not end by that.
 */
export class DetachableInput extends Transform {
  readonly #scanner: DetachScanner;
  readonly #onDetach: () => void;

  constructor(options: { readonly keys: Uint8Array; readonly onDetach: () => void }) {
    super();
    this.#scanner = new DetachScanner(options.keys);
    this.#onDetach = options.onDetach;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const { pass, detached } = this.#scanner.scan(chunk);
    done(null, pass);
    if (detached) this.#onDetach();
  }
}

/** The keys of a request, or docker's own. @throws EngineError `invalid-argument`. */
export function detachKeysOf(text: string | null | undefined): Uint8Array {
  return parseDetachKeys(text || DEFAULT_DETACH_KEYS);
}
