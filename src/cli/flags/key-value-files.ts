import { readFileSync } from "node:fs";
import { EngineError } from "../../errors.ts";
import { type KeyValueFile, parseKeyValueFile } from "../../model/key-values.ts";

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
    return readFileSync(path);
  } catch (error) {
    throw new EngineError("not-found", `open ${path}: ${systemMessage(error)}`, { cause: error });
  }
}

/** What the operating system said: `no such file or directory`, out of Node's `ENOENT: no such file or directory, open 'x'`. */
export function systemMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /^[A-Z]+: ([^,]+)/.exec(message)?.[1] ?? message;
}
