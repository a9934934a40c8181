import { rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import type { Settings } from "../model/settings.ts";
import { FileLock } from "../store/file-lock.ts";
import { apiSocketPath, supervisorLockPath, supervisorPidPath } from "../store/layout.ts";

/** How long the supervisor that holds the lock may take until it answers. */
const OTHER_DEADLINE_MS = 5_000;
const POLL_MS = 20;
/** After how long the lock is tried for again. Whether its holder answers is asked more often: that starts no program. */
const RETRY_LOCK_MS = 240;

/** The right to be the one supervisor of a run root. */
export class SupervisorLock {
  private constructor(
    private readonly settings: Settings,
    private readonly lock: FileLock,
  ) {}

  /**
   * Takes the lock and writes the pid file; undefined when another supervisor has it and answers, which is as good.
   *
   * @throws Error when somebody has it who does not answer; as `FileLock.acquire`.
   */
  static async acquire(settings: Settings): Promise<SupervisorLock | undefined> {
    const deadline = performance.now() + OTHER_DEADLINE_MS;
    while (performance.now() < deadline) {
      const lock = await FileLock.acquire(supervisorLockPath(settings));
      if (lock !== undefined) {
        writeFileSync(supervisorPidPath(settings), `${process.pid}\n`);
        return new SupervisorLock(settings, lock);
      }
      for (const retryAt = performance.now() + RETRY_LOCK_MS; performance.now() < retryAt; ) {
        if (await answers(apiSocketPath(settings))) return undefined;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
    throw new Error(`another process holds the lock of ${settings.runRoot} and does not answer`);
  }

  release(): void {
    rmSync(supervisorPidPath(this.settings), { force: true });
    this.lock.release();
  }
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
