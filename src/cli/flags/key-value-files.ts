import { closeSync, openSync, readSync } from "node:fs";
import { EngineError } from "../../errors.ts";
import { type KeyValueFile, parseKeyValueFile } from "../../model/key-values.ts";

/** Nobody writes down more variables or labels; a device such as /dev/zero has no end. */
const MAX_FILE_BYTES = 16 << 20;
const READ_BYTES = 64 << 10;

/** Looks a variable up in wharf's own environment. */
export function environmentLookup(name: string): string | undefined {
  return process.env[name];
}

/**
 * Reads the lines of all of the files, in their order.
 *
 * @throws EngineError `not-found` for a file that cannot be read, `invalid-argument` for a malformed one.
 */
export function readKeyValueFiles(paths: readonly string[], reading: Pick<KeyValueFile, "kind" | "lookUp">): string[] {
  return paths.flatMap((path) => parseKeyValueFile({ ...reading, path, content: readUserFile(path) }));
}

/**
 * Reads a file that the user named, for its error in the operating system's words.
 *
 * @throws EngineError `not-found`.
 */
export function readUserFile(path: string): Buffer {
  try {
    return readBounded(path);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError("not-found", `open ${path}: ${systemMessage(error)}`, { cause: error });
  }
}

/** Reads a file, pipe or device to its end: whatever it says of its size. */
function readBounded(path: string): Buffer {
  const descriptor = openSync(path, "r");
  try {
    const chunks: Buffer[] = [];
    for (let size = 0; size <= MAX_FILE_BYTES; ) {
      const chunk = Buffer.allocUnsafe(READ_BYTES);
      const count = readSync(descriptor, chunk);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, count));
      size += count;
    }
  } finally {
    closeSync(descriptor);
  }
  throw new EngineError("invalid-argument", `${path} is larger than ${MAX_FILE_BYTES} bytes`);
}

/** What the operating system said: `no such file or directory`, out of Node's `ENOENT: no such file or directory, open 'x'`. */
export function systemMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /^[A-Z]+: ([^,]+)/.exec(message)?.[1] ?? message;
}
