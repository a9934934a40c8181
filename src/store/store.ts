import type { Mount } from "../model/mount.ts";
import { ContainerFiles } from "./container-files.ts";
import { mountPointDir, type Roots } from "./layout.ts";
import { Rootfs } from "./rootfs.ts";
import { Volumes } from "./volumes.ts";

/** What wharf keeps in files for one containerd namespace, and what it reads of root file systems. */
export class Store {
  readonly roots: Roots;
  readonly volumes: Volumes;
  readonly containerFiles: ContainerFiles;

  constructor({ dataRoot, runRoot, namespace }: Roots & { readonly namespace: string }) {
    this.roots = { dataRoot, runRoot };
    this.volumes = new Volumes(this.roots, namespace);
    this.containerFiles = new ContainerFiles(this.roots, namespace);
  }

  /** The same files for another namespace. */
  withNamespace(namespace: string): Store {
    return new Store({ ...this.roots, namespace });
  }

  /** Opens a snapshot for reading. Nothing is mounted before something has to be; dispose of it in any case. */
  openRootfs(mounts: readonly Mount[]): Rootfs {
    return Rootfs.fromMounts(mounts, mountPointDir(this.roots));
  }
}
