import { constants, type Stats } from "node:fs";
import { lstat, open, readlink } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import type { Mount } from "../model/mount.ts";
import { layerDirectories, MountedView } from "./mounted-view.ts";

/** As many symbolic links as the kernel follows in one path. */
const MAX_SYMLINKS = 40;

/** Files like passwd are read whole; nobody's is larger than this. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** Something found inside a root directory. */
export interface RootfsEntry {
  /** Its path inside the root, without symbolic links. */
  readonly path: string;
  /** Where this process finds it. */
  readonly hostPath: string;
  readonly stats: Stats;
}

/**
 * The root file system of an image or container, for reading. Every symbolic link, absolute ones too, leads to somewhere
 * inside the root; nothing leads out of it.
 *
 * The layers of an overlay are searched as they lie on the disk, topmost first, which takes no mount. That is certain as
 * long as what is searched for is in the topmost layer that has its directory, or is hidden by a whiteout there. Further
 * down, an upper directory may be opaque, a mark that this process cannot read: then the kernel is asked, by a mount
 * in a namespace of its own.
 */
export class Rootfs implements AsyncDisposable {
  #view: MountedView | undefined;

  private constructor(
    /** Topmost first; none if the snapshot is not made of directories. */
    private readonly layers: readonly string[],
    private readonly mounts: readonly Mount[],
    private readonly mountPoint: string,
  ) {}

  /** Opens a snapshot by its mounts. Nothing is mounted before something has to be. */
  static fromMounts(mounts: readonly Mount[], mountPoint: string): Rootfs {
    return new Rootfs(layerDirectories(mounts) ?? [], mounts, mountPoint);
  }

  /** Opens a directory, such as the root of a running process. */
  static fromDirectory(directory: string): Rootfs {
    return new Rootfs([directory], [], "");
  }

  /** Finds what is at a path, symbolic links followed; `undefined` if there is nothing. */
  async locate(path: string): Promise<RootfsEntry | undefined> {
    if (this.#view === undefined && this.layers.length > 0) {
      const found = await new Walk(this.layers).follow(path);
      if (found !== "uncertain") return found;
    }
    return await this.#locateInView(path);
  }

  /**
   * A directory with all that it holds, merged from all layers; `undefined` if there is none at the path.
   * The host path is good until this object is disposed of.
   */
  async directory(path: string): Promise<RootfsEntry | undefined> {
    const entry = this.layers.length === 1 ? await this.locate(path) : await this.#locateInView(path);
    return entry?.stats.isDirectory() === true ? entry : undefined;
  }

  /**
   * The text of a regular file; `undefined` if there is none at the path.
   *
   * @throws EngineError `invalid-argument` for one of absurd size.
   */
  async readText(path: string): Promise<string | undefined> {
    const entry = await this.locate(path);
    if (entry === undefined || !entry.stats.isFile()) return undefined;
    if (entry.stats.size > MAX_TEXT_BYTES) throw new EngineError("invalid-argument", `${path} is too large`);
    const file = await open(entry.hostPath, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#view?.[Symbol.asyncDispose]();
    this.#view = undefined;
  }

  async #locateInView(path: string): Promise<RootfsEntry | undefined> {
    this.#view ??= await MountedView.open(this.mounts, this.mountPoint);
    const found = await new Walk([this.#view.directory]).follow(path);
    // One directory is never uncertain.
    return found === "uncertain" ? undefined : found;
  }
}

/** A directory on the way: its path inside the root, and where it lies in the layers that have it, topmost first. */
interface Place {
  readonly path: string;
  readonly hostPaths: readonly string[];
}

type Step =
  | { readonly kind: "directory"; readonly place: Place }
  | { readonly kind: "other"; readonly entry: RootfsEntry };

/** One path's way down from the root. */
class Walk {
  #symlinks = 0;

  constructor(private readonly layers: readonly string[]) {}

  async follow(path: string): Promise<RootfsEntry | undefined | "uncertain"> {
    const pending = names(path);
    let way: Place[] = [{ path: "/", hostPaths: this.layers }];
    while (pending.length > 0) {
      const name = pending.shift() as string;
      const here = way.at(-1) as Place;
      if (name === "..") {
        if (way.length > 1) way.pop();
        continue;
      }
      const step = await this.#step(here, name);
      if (step === undefined || step === "uncertain") return step;
      if (step.kind === "directory") {
        way.push(step.place);
      } else if (step.entry.stats.isSymbolicLink()) {
        const target = await this.#readLink(step.entry);
        if (target.startsWith("/")) way = way.slice(0, 1);
        pending.unshift(...names(target));
      } else {
        // A file: whatever is still to be found in it is not there.
        return pending.length === 0 ? step.entry : undefined;
      }
    }
    const { path: found, hostPaths } = way.at(-1) as Place;
    const [hostPath = ""] = hostPaths;
    return { path: found, hostPath, stats: await lstat(hostPath) };
  }

  async #step(here: Place, name: string): Promise<Step | undefined | "uncertain"> {
    const path = join(here.path, name);
    const directories: string[] = [];
    for (const [index, directory] of here.hostPaths.entries()) {
      const hostPath = join(directory, name);
      const stats = await lstat(hostPath).catch(absent);
      if (stats === undefined) continue;
      if (isWhiteout(stats)) break;
      // A layer's root is never opaque; any other directory that lacks the name may hide those below it.
      if (directories.length === 0 && index > 0 && here.path !== "/") return "uncertain";
      if (!stats.isDirectory()) {
        if (directories.length === 0) return { kind: "other", entry: { path, hostPath, stats } };
        break;
      }
      directories.push(hostPath);
    }
    return directories.length === 0 ? undefined : { kind: "directory", place: { path, hostPaths: directories } };
  }

  async #readLink({ path, hostPath }: RootfsEntry): Promise<string> {
    this.#symlinks += 1;
    if (this.#symlinks > MAX_SYMLINKS) {
      throw new EngineError("invalid-argument", `too many levels of symbolic links: ${path}`);
    }
    return await readlink(hostPath);
  }
}

function names(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
  throw error;
}

/** overlayfs marks a name that a layer removes with a character device of number 0/0. */
function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}
