import { mkdir, stat } from "node:fs/promises";
import { EngineError } from "../errors.ts";

/**
 * Makes the directory of the host that `-v` binds, with those above it, unless something is there already.
 *
 * @throws EngineError `failed-precondition` if it cannot be made.
 */
export async function makeBindSource(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined)) !== undefined) return;
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    const reason = (error as Error).message;
    throw new EngineError("failed-precondition", `error while creating mount source path '${path}': ${reason}`, {
      cause: error,
    });
  }
}
