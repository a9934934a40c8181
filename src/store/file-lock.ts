import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { EngineError } from "../errors.ts";
import { toolEnvironment } from "../program-environment.ts";
import { makePrivateDirectory } from "./private-directory.ts";

/** What `flock` answers when somebody else has the lock. */
const EXIT_LOCKED = 1;

/**
 * flock(2) on a file in a directory of wharf's own. The kernel gives it to one holder, in one step, and takes it back
 * the moment its process is gone, however it went; and nobody gets at the file but root. Node cannot ask for it, so the
 * program `flock` does, once, for a descriptor that it shares with this process. The lock is the descriptor's: it
 * outlives that program, and is not passed on to those that are started later.
 */
export class FileLock {
  private constructor(private readonly fd: number) {}

  /**
   * Takes the lock of the file at `path`, which is made and never removed: whoever locked a file that has no name any
   * more would not be alone. Waits so many seconds for whoever has it, and returns undefined if that was not enough.
   *
   * @throws EngineError `permission-denied` when the directory is not safe to write to, `failed-precondition` when
   * there is no `flock` on this host.
   */
  static async acquire(path: string, patienceSeconds = 0): Promise<FileLock | undefined> {
    makePrivateDirectory(dirname(path));
    const fd = openSync(path, "a", 0o600);
    let locked = false;
    try {
      locked = await lockDescriptor(fd, patienceSeconds);
    } finally {
      if (!locked) closeSync(fd);
    }
    return locked ? new FileLock(fd) : undefined;
  }

  release(): void {
    closeSync(this.fd);
  }
}

/** Locks what the descriptor is of, for as long as it is open; false when somebody else has locked it. */
async function lockDescriptor(fd: number, patienceSeconds: number): Promise<boolean> {
  const child = spawn("flock", [...(patienceSeconds === 0 ? ["-n"] : ["-w", String(patienceSeconds)]), "3"], {
    stdio: ["ignore", "ignore", "inherit", fd],
    env: toolEnvironment(),
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (cause: NodeJS.ErrnoException) => {
      const hint = "install util-linux";
      reject(new EngineError("failed-precondition", "the program flock is missing on this host", { cause, hint }));
    });
    child.once("exit", resolve);
  });
  if (code === 0) return true;
  if (code === EXIT_LOCKED) return false;
  throw new Error(`flock ended with ${code}`);
}
