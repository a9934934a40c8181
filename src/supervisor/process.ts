import { spawn } from "node:child_process";
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { EngineError } from "../errors.ts";
import type { Settings } from "../model/settings.ts";
import { toolEnvironment } from "../program-environment.ts";
import { apiSocketPath, supervisorLockPath, supervisorPidPath } from "../store/layout.ts";
import { makePrivateDirectory } from "../store/private-directory.ts";

/** How long the supervisor that holds the lock may take until it answers. */
const OTHER_DEADLINE_MS = 5_000;
const POLL_MS = 20;
/** After how long the lock is tried for again. Whether its holder answers is asked more often: that starts no program. */
const RETRY_LOCK_MS = 240;

/** What `flock` answers when somebody else has the lock. */
const EXIT_LOCKED = 1;

/**
 * The right to be the one supervisor of a run root: flock(2) on a file in it. The kernel gives it to one process, in one
 * step, and takes it back the moment that process is gone, however it went; and nobody gets at the file but root. Node
 * cannot ask for it, so the program `flock` does, once, for a descriptor that it shares with this process. The lock is
 * the descriptor's: it outlives that program, and is not passed on to those that are started later.
 */
export class SupervisorLock {
  readonly #settings: Settings;
  readonly #fd: number;

  private constructor(settings: Settings, fd: number) {
    this.#settings = settings;
    this.#fd = fd;
  }

  /**
   * Takes the lock and writes the pid file; undefined when another supervisor has it and answers, which is as good.
   *
   * @throws Error when somebody has it who does not answer; EngineError `permission-denied` when the run root is not
   * safe to write to, `failed-precondition` when there is no `flock` on this host.
   */
  static async acquire(settings: Settings): Promise<SupervisorLock | undefined> {
    makePrivateDirectory(settings.runRoot);
    // Never removed: whoever locked a file that has no name any more would not be alone.
    const fd = openSync(supervisorLockPath(settings), "a", 0o600);
    const deadline = performance.now() + OTHER_DEADLINE_MS;
    while (performance.now() < deadline) {
      if (await lockDescriptor(fd)) {
        writeFileSync(supervisorPidPath(settings), `${process.pid}\n`);
        return new SupervisorLock(settings, fd);
      }
      for (const retryAt = performance.now() + RETRY_LOCK_MS; performance.now() < retryAt; ) {
        if (await answers(apiSocketPath(settings))) {
          closeSync(fd);
          return undefined;
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
    throw new Error(`another process holds the lock of ${settings.runRoot} and does not answer`);
  }

  release(): void {
    rmSync(supervisorPidPath(this.#settings), { force: true });
    closeSync(this.#fd);
  }
}

/** Locks what the descriptor is of, for as long as it is open; false when somebody else has locked it. */
async function lockDescriptor(fd: number): Promise<boolean> {
  const child = spawn("flock", ["-n", "3"], {
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

/** True when somebody accepts connections at `socketPath`. */
async function answers(socketPath: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/**
 * Calls `stop` once, when the supervisor is asked to end. The signals of a terminal are not for it: it may have been
 * started from one, and outlives it.
 */
export function onStopSignal(stop: () => void): void {
  for (const signal of ["SIGHUP", "SIGINT", "SIGPIPE"] as const) process.on(signal, () => undefined);
  process.once("SIGTERM", stop);
}
