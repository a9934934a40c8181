import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { asObject } from "../model/json-object.ts";
import { type Roots, unfinishedFilesDir } from "./layout.ts";
import { currentProcessMark, mayRun } from "./process-mark.ts";

/** A file that a command did not come to the end of. */
export interface UnfinishedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Where it is written down. */
  readonly note: string;
}

/**
 * Notes of files that commands are writing somewhere on the host under a temporary name, such as `save -o`. A command
 * that was killed leaves the file and the note, by which the file can be found again until the host is rebooted.
 */
export class UnfinishedFiles {
  readonly #directory: string;

  constructor(roots: Roots) {
    this.#directory = unfinishedFilesDir(roots);
  }

  /** Notes a file that is about to be written. Dispose of the note once the file is whole, or gone. */
  async begin(path: string): Promise<AsyncDisposable> {
    const note = join(this.#directory, randomBytes(8).toString("hex"));
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await writeFile(note, JSON.stringify({ path, owner: currentProcessMark() }), { flag: "wx", mode: 0o600 });
    return { [Symbol.asyncDispose]: () => rm(note, { force: true }) };
  }

  /** The files that nobody writes any more. */
  async abandoned(): Promise<UnfinishedFile[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const files = await Promise.all(names.map((name) => this.#read(join(this.#directory, name))));
    return files.filter((file) => file !== undefined);
  }

  /** Removes an abandoned file and its note. */
  async remove({ path, note }: UnfinishedFile): Promise<void> {
    await rm(path, { force: true });
    await rm(note, { force: true });
  }

  async #read(note: string): Promise<UnfinishedFile | undefined> {
    let value: unknown;
    try {
      value = JSON.parse(await readFile(note, "utf8"));
    } catch {
      // Its writer is just at it, or was killed before there was a file.
      return undefined;
    }
    const { path, owner } = asObject(value);
    if (typeof path !== "string" || typeof owner !== "string" || mayRun(owner)) return undefined;
    const found = await stat(path).catch(() => undefined);
    return { path, note, sizeBytes: found?.isFile() ? found.size : 0 };
  }
}
