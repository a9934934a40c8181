import { randomUUID } from "node:crypto";
import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { Engine } from "../engine.ts";
import { LEASE_TERM_MS } from "../lease-term.ts";
import { type ImageContent, type ImageLayer, imageLayers } from "./image-content.ts";
import { snapshotLabels, uncompressedLabel } from "./labels.ts";
import { measureImage } from "./size.ts";

type Unpacker = Pick<Engine, "containerd">;

const CLEANUP_TIMEOUT_MS = 10_000;
/** On a snapshot: the chain ID that it is going to have, for snapshotters that fetch layers by themselves. */
const SNAPSHOT_TARGET = "containerd.io/snapshot.ref";

/**
 * Unpacks an image whose content is here, unless it is unpacked already, and returns the name of its snapshot.
 *
 * @throws EngineError `not-found` when a layer is missing from the content store.
 */
export async function ensureUnpacked(
  { containerd }: Unpacker,
  image: ImageContent,
  { snapshotter, signal }: { readonly snapshotter?: string | undefined; readonly signal: AbortSignal },
): Promise<string> {
  const target = snapshotter === undefined ? containerd : containerd.withNamespace(containerd.namespace, snapshotter);
  if (image.chainId === "" || (await isUnpacked({ containerd: target }, image.chainId, { signal }))) {
    return image.chainId;
  }
  await using lease = await target.leases.create({ expiresInMs: LEASE_TERM_MS, signal });
  for (const layer of imageLayers(image.manifestContent, image.config)) {
    await unpackLayer({ containerd: target }, layer, { leaseId: lease.id, signal });
  }
  await referToSnapshot({ containerd: target }, image, { signal });
  return image.chainId;
}

/** True when the snapshot `chainId` is there. */
export async function isUnpacked(
  { containerd }: Unpacker,
  chainId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<boolean> {
  try {
    await containerd.snapshots.stat(chainId, { signal });
    return true;
  } catch (error) {
    if (isEngineError(error, "not-found")) {
      return false;
    }
    throw error;
  }
}

/** Lets the image's config keep its snapshots from being collected, and notes their size. */
export async function referToSnapshot(
  { containerd }: Unpacker,
  { configDigest, chainId, ...content }: Omit<ImageContent, "manifest">,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const sizeBytes = await measureImage({ containerd }, content, { signal });
  const labels = snapshotLabels(containerd.snapshotter, chainId, sizeBytes);
  await containerd.content.updateLabels(configDigest, labels, { signal });
  faultPoint("unpack.snapshot-referred");
}

/**
 * Unpacks one layer on the snapshot of those below it. That somebody else unpacks the same layer at the same time is
 * no failure: the first to commit wins, the other throws its work away.
 *
 * @throws EngineError `failed-precondition` when the layer is not what the config says.
 */
export async function unpackLayer(
  { containerd }: Unpacker,
  layer: ImageLayer,
  { leaseId, signal }: { readonly leaseId: string; readonly signal: AbortSignal },
): Promise<void> {
  const { snapshots } = containerd;
  // Leased before it is looked for, so that what is found stays: its image may be removed at this moment.
  const resource = { id: layer.chainId, type: `snapshots/${containerd.snapshotter}` };
  await containerd.leases.addResource(leaseId, resource, { signal });
  if (await isUnpacked({ containerd }, layer.chainId, { signal })) return;
  const key = `extract-${randomUUID()} ${layer.chainId}`;
  const labels = { [SNAPSHOT_TARGET]: layer.chainId };
  try {
    const mounts = await snapshots.prepare(key, layer.parent, { labels, leaseId, signal });
    faultPoint("unpack.snapshot-prepared");
    const applied = await containerd.diff.apply(layer.descriptor, mounts, { leaseId, signal });
    if (applied.digest !== layer.diffId) {
      throw new EngineError(
        "failed-precondition",
        `wrong diff ID of layer ${layer.descriptor.digest}: the config says ${layer.diffId}, it is ${applied.digest}`,
      );
    }
    faultPoint("unpack.layer-applied");
    await snapshots.commit(layer.chainId, key, { labels, leaseId, signal });
  } catch (error) {
    await removeSnapshot({ containerd }, key);
    if (isEngineError(error, "already-exists")) {
      return;
    }
    throw error;
  }
  faultPoint("unpack.snapshot-committed");
  const { digest } = layer.descriptor;
  if (digest !== layer.diffId) {
    await containerd.content.updateLabels(digest, uncompressedLabel(layer.diffId), { signal });
  }
}

/** Under a deadline of its own: the operation's signal may be why it is done. What remains goes with the lease. */
async function removeSnapshot({ containerd }: Unpacker, key: string): Promise<void> {
  try {
    await containerd.snapshots.remove(key, { timeoutMs: CLEANUP_TIMEOUT_MS });
  } catch (error) {
    if (!(error instanceof EngineError)) {
      throw error;
    }
  }
}
