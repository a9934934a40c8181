import { lstat, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Roots } from "./layout.ts";

/** A directory that is kept for a container, by its path. */
export interface ContainerDirectory {
  readonly namespace: string;
  readonly containerId: string;
  readonly path: string;
}

/** The directory of one exec process. */
export interface ExecDirectory extends ContainerDirectory {
  readonly execId: string;
}

/** A volume on its way to be, or not to be any more. */
export interface UnfinishedVolume {
  readonly path: string;
  readonly namespace: string;
  /** False for one whose removal has begun. */
  readonly isNew: boolean;
  /** When something in it was last made or removed. */
  readonly changedAtMs: number;
}

const CONTAINER_ID = /^[0-9a-f]{64}$/;

/** Looks through wharf's own files of all namespaces, for what might be of no use any more. It removes what it is told to. */
export class Leftovers {
  constructor(private readonly roots: Roots) {}

  /** The directories of containers' files and logs. */
  dataDirectories(): Promise<ContainerDirectory[]> {
    return containerDirectories(join(this.roots.dataRoot, "containers"));
  }

  /** The directories of containers' FIFOs. */
  runDirectories(): Promise<ContainerDirectory[]> {
    return containerDirectories(join(this.roots.runRoot, "containers"));
  }

  /** Where containers lend their shared memory. */
  sharedMemoryDirectories(): Promise<ContainerDirectory[]> {
    return containerDirectories(join(this.roots.runRoot, "shm"));
  }

  async execDirectories(): Promise<ExecDirectory[]> {
    const directories = await this.runDirectories();
    const found = await Promise.all(
      directories.map(async (container) => {
        const execs = join(container.path, "exec");
        return (await namesIn(execs)).map((execId) => ({ ...container, execId, path: join(execs, execId) }));
      }),
    );
    return found.flat();
  }

  /** Volumes that were being made or removed, see `Volumes`. */
  async unfinishedVolumes(): Promise<UnfinishedVolume[]> {
    const volumes = join(this.roots.dataRoot, "volumes");
    const found = await Promise.all(
      (await namesIn(volumes)).map(async (namespace) => {
        const names = (await namesIn(join(volumes, namespace))).filter((name) => /^\.(new|removed)-/.test(name));
        return await Promise.all(names.map((name) => readVolume(join(volumes, namespace, name), namespace)));
      }),
    );
    return found.flat().filter((volume) => volume !== undefined);
  }

  /** Removes something that one of the others listed. */
  async remove({ path }: { readonly path: string }): Promise<void> {
    await rm(path, { recursive: true, force: true });
  }

  /** What the files below a path take on the disk. */
  async sizeOf(path: string): Promise<number> {
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) return 0;
    if (!found.isDirectory()) return found.isFile() ? found.size : 0;
    const sizes = await Promise.all((await namesIn(path)).map((name) => this.sizeOf(join(path, name))));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Whether a file system is mounted at the path. */
  async isMountPoint(path: string): Promise<boolean> {
    const [own, parent] = await Promise.all([stat(path), stat(join(path, ".."))]).catch(() => []);
    return own !== undefined && parent !== undefined && own.dev !== parent.dev;
  }

  /** Ends a process, unless its command line does not end with the word any more. */
  async endProcessNaming(pid: number, word: string): Promise<void> {
    if ((await this.processesNaming(word)).includes(pid)) process.kill(pid, "SIGKILL");
  }

  /** The processes whose command line ends with the word. */
  async processesNaming(word: string): Promise<number[]> {
    const pids = (await namesIn("/proc")).filter((name) => /^\d+$/.test(name));
    const found = await Promise.all(
      pids.map(async (pid) => {
        const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
        return commandLine.replace(/\0$/, "").split("\0").at(-1) === word ? [Number(pid)] : [];
      }),
    );
    return found.flat();
  }
}

async function readVolume(path: string, namespace: string): Promise<UnfinishedVolume | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && { path, namespace, isNew: basename(path).startsWith(".new-"), changedAtMs: found.ctimeMs };
}

async function containerDirectories(root: string): Promise<ContainerDirectory[]> {
  const found = await Promise.all(
    (await namesIn(root)).map(async (namespace) => {
      const ids = (await namesIn(join(root, namespace))).filter((name) => CONTAINER_ID.test(name));
      return ids.map((containerId) => ({ namespace, containerId, path: join(root, namespace, containerId) }));
    }),
  );
  return found.flat();
}

async function namesIn(directory: string): Promise<string[]> {
  return await readdir(directory).catch(() => []);
}
