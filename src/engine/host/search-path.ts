import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { join } from "node:path";

/** The first directory's executable file that has one of the names, or `undefined`. */
export async function findExecutable(
  names: readonly string[],
  directories: readonly string[],
): Promise<string | undefined> {
  for (const directory of directories) {
    for (const name of names) {
      const path = join(directory, name);
      if (await isExecutableFile(path)) return path;
    }
  }
  return undefined;
}

async function isExecutableFile(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    // Absent, unreadable, or a dangling link: not one that can be run.
    return false;
  }
}
