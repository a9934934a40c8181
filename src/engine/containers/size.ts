import type { Engine } from "../engine.ts";
import { type StoredContainer, snapshotsOf } from "./stored-container.ts";

export interface ContainerSize {
  /** Bytes in the container's own layer. */
  readonly rw: number;
  /** Bytes of all its layers. */
  readonly rootfs: number;
}

/** Adds up what a container's layers take; undefined when its snapshot is gone. */
export async function measureSize(
  { containerd }: Pick<Engine, "containerd">,
  { info }: StoredContainer,
  { signal }: { readonly signal: AbortSignal },
): Promise<ContainerSize | undefined> {
  const snapshots = snapshotsOf(containerd, info);
  const sizes: number[] = [];
  for (let key = info.snapshotKey; key !== ""; ) {
    const measured = await Promise.all([snapshots.usage(key, { signal }), snapshots.stat(key, { signal })]).catch(
      () => undefined,
    );
    if (measured === undefined) return undefined;
    sizes.push(measured[0].sizeBytes);
    key = measured[1].parent;
  }
  const [rw = 0] = sizes;
  return { rw, rootfs: sizes.reduce((sum, size) => sum + size, 0) };
}
