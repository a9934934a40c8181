import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { EngineError } from "../errors.ts";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EISDIR: "is a directory",
};

/**
 * Opens a file that a flag names, as a stream that closes it at its end.
 *
 * @throws EngineError `invalid-argument` in docker's words when it cannot be opened.
 */
export async function openInputFile(path: string): Promise<Readable> {
  try {
    const file = await open(path);
    if (!(await file.stat()).isDirectory()) return file.createReadStream({ highWaterMark: 256 * 1024 });
    await file.close();
    throw Object.assign(new Error(), { code: "EISDIR" });
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    throw new EngineError("invalid-argument", `open ${path}: ${REASONS[code] ?? message}`, { cause });
  }
}
