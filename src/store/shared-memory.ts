import { execFile } from "node:child_process";
import { mkdir, rmdir, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { EngineError } from "../errors.ts";
import { toolEnvironment } from "../program-environment.ts";
import { type Roots, sharedMemoryDir } from "./layout.ts";

/**
 * The /dev/shm of containers that share it, `--ipc shareable`. The runtime can bind only what is mounted on the host,
 * so it is a tmpfs there, and lives as long as the run of the container that lends it.
 */
export class SharedMemory {
  constructor(
    private readonly roots: Roots,
    private readonly namespace: string,
  ) {}

  /** Where a container's shared memory is, if it lends any. */
  path(containerId: string): string {
    return sharedMemoryDir(this.roots, this.namespace, containerId);
  }

  /**
   * Mounts a container's shared memory, and returns its path.
   *
   * @throws EngineError `internal` with what `mount` says.
   */
  async make(containerId: string, sizeBytes: number): Promise<string> {
    const path = this.path(containerId);
    // What a start that was cut short has left is not to be found under the new mount.
    await this.remove(containerId);
    await mkdir(path, { recursive: true, mode: 0o700 });
    const options = `nosuid,noexec,nodev,mode=1777,size=${sizeBytes}`;
    try {
      await run("mount", ["-t", "tmpfs", "-o", options, "shm", path]);
    } catch (error) {
      const reason = ((error as { stderr?: string }).stderr ?? String(error)).trim();
      throw new EngineError("internal", `cannot mount shared memory: ${reason}`, { cause: error });
    }
    return path;
  }

  /** Lets go of a container's shared memory; those who joined it keep theirs. Does nothing where there is none. */
  async remove(containerId: string): Promise<void> {
    const path = this.path(containerId);
    if ((await stat(path).catch(() => undefined)) === undefined) return;
    // Fails where nothing is mounted any more, and then there is only the directory to take away.
    await run("umount", ["--lazy", path]).catch(() => undefined);
    await rmdir(path);
  }
}

async function run(tool: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(tool, args, { env: toolEnvironment() });
}
