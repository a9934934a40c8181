import { EngineError } from "../errors.ts";
import { FileLock } from "./file-lock.ts";
import { hostLockPath } from "./layout.ts";

/** Long enough for a slow host's work under the lock, short enough to tell a person that something hangs. */
const PATIENCE_SECONDS = 30;

/**
 * Runs a task while no other wharf of this host does one, whatever its data root and its run root are: they share the
 * host's devices and firewall rules. It locks nothing of anybody else's.
 *
 * @throws EngineError `deadline-exceeded` if another process keeps the lock too long; as `FileLock.acquire`.
 */
export async function withHostLock<T>(task: () => Promise<T>): Promise<T> {
  const lock = await FileLock.acquire(hostLockPath(), PATIENCE_SECONDS);
  if (lock === undefined)
    throw new EngineError("deadline-exceeded", "another wharf process is busy with this host's networks for too long");
  try {
    return await task();
  } finally {
    lock.release();
  }
}
