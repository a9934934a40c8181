import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { EngineError } from "../errors.ts";
import { faultPoint } from "../fault-point.ts";
import type { UnfinishedFiles } from "../store/unfinished-files.ts";

/**
 * Writes a file that is there whole or not at all: it gets its name when it is complete. A device or pipe is written to
 * as it is. The unfinished file is noted, for the case that this process is killed.
 *
 * @throws EngineError `invalid-argument` when the path cannot be a file.
 */
export async function writeOutputFile(
  path: string,
  content: AsyncIterable<Uint8Array>,
  { signal, unfinished }: { readonly signal: AbortSignal; readonly unfinished: UnfinishedFiles },
): Promise<void> {
  const existing = await stat(path).catch(() => undefined);
  if (existing?.isDirectory()) throw new EngineError("invalid-argument", `invalid output path: ${path} is a directory`);
  if (existing && !existing.isFile()) return await pipeline(content, createWriteStream(path), { signal });
  const directory = dirname(path);
  if (!(await stat(directory).catch(() => undefined))) {
    throw new EngineError("invalid-argument", `invalid output path: stat ${directory}: no such file or directory`);
  }
  const temporary = join(resolve(directory), `.tmp-${basename(path)}${randomBytes(6).toString("hex")}`);
  await using _note = await unfinished.begin(temporary);
  try {
    await pipeline(content, createWriteStream(temporary, { flags: "wx", mode: 0o600 }), { signal });
    faultPoint("save.written");
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
