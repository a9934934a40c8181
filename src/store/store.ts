import type { Mount } from "../model/mount.ts";
import type { UserDatabase } from "../model/user-spec.ts";
import { makeBindSource } from "./bind-source.ts";
import { ContainerFiles } from "./container-files.ts";
import { copyUp } from "./copy-up.ts";
import { readDeviceNumbers, readDevices, readHostDevices } from "./devices.ts";
import { mountPointDir, type Roots } from "./layout.ts";
import { Leftovers } from "./leftovers.ts";
import { mayRun } from "./process-mark.ts";
import { Rootfs } from "./rootfs.ts";
import { readSandboxImage } from "./sandbox-image.ts";
import { SharedMemory } from "./shared-memory.ts";
import { hasShim, killShims } from "./shims.ts";
import { UnfinishedFiles } from "./unfinished-files.ts";
import { readUserDatabase } from "./user-database.ts";
import { type Volume, Volumes } from "./volumes.ts";

/** What wharf keeps in files for one containerd namespace, and what it reads of root file systems. */
export class Store {
  readonly roots: Roots;
  readonly volumes: Volumes;
  readonly containerFiles: ContainerFiles;
  readonly sharedMemory: SharedMemory;
  readonly unfinishedFiles: UnfinishedFiles;
  /** Of all namespaces. */
  readonly leftovers: Leftovers;
  readonly mayRun = mayRun;
  readonly makeBindSource = makeBindSource;
  readonly readDevices = readDevices;
  readonly readHostDevices = readHostDevices;
  readonly readDeviceNumbers = readDeviceNumbers;
  readonly hasShim = hasShim;
  readonly killShims = killShims;
  readonly readSandboxImage = readSandboxImage;

  constructor({ dataRoot, runRoot, namespace }: Roots & { readonly namespace: string }) {
    this.roots = { dataRoot, runRoot };
    this.volumes = new Volumes(this.roots, namespace);
    this.containerFiles = new ContainerFiles(this.roots, namespace);
    this.sharedMemory = new SharedMemory(this.roots, namespace);
    this.unfinishedFiles = new UnfinishedFiles(this.roots);
    this.leftovers = new Leftovers(this.roots);
  }

  /** The same files for another namespace. */
  withNamespace(namespace: string): Store {
    return new Store({ ...this.roots, namespace });
  }

  /** Opens a snapshot for reading. Nothing is mounted before something has to be; dispose of it in any case. */
  openRootfs(mounts: readonly Mount[]): Rootfs {
    return Rootfs.fromMounts(mounts, mountPointDir(this.roots));
  }

  /** The users and groups of a snapshot's own. */
  async readUserDatabase(mounts: readonly Mount[]): Promise<UserDatabase> {
    await using rootfs = this.openRootfs(mounts);
    return await readUserDatabase(rootfs);
  }

  /** Fills an empty volume with what a snapshot has at the path where the volume will be mounted; see `copyUp`. */
  async fillVolume(volume: Pick<Volume, "mountpoint">, mounts: readonly Mount[], path: string): Promise<void> {
    await using rootfs = this.openRootfs(mounts);
    await copyUp(rootfs, path, volume.mountpoint);
  }
}
