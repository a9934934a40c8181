import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { promisify } from "node:util";
import { EngineError } from "../errors.ts";
import { toolEnvironment } from "../program-environment.ts";
import type { Rootfs } from "./rootfs.ts";

/**
 * Fills an empty volume with what the image has at the path where the volume will be mounted: files with owners, modes
 * and extended attributes, and those of the directory itself. Does nothing for a volume that holds something, and where
 * the image has no directory.
 *
 * @throws EngineError `internal` if something cannot be copied.
 */
export async function copyUp(rootfs: Rootfs, path: string, volumeDirectory: string): Promise<void> {
  if ((await readdir(volumeDirectory)).length > 0) return;
  const found = await rootfs.locate(path);
  if (found === undefined || !found.stats.isDirectory()) return;
  const source = await rootfs.directory(found.path);
  if (source === undefined) return;
  try {
    await promisify(execFile)("cp", ["-a", "--", `${source.hostPath}/.`, volumeDirectory], { env: toolEnvironment() });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    const reason = stderr?.trim().split("\n")[0] || (error as Error).message;
    throw new EngineError("internal", `cannot copy ${path} of the image into the volume: ${reason}`, { cause: error });
  }
}
