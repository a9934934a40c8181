import { randomUUID } from "node:crypto";
import { MediaType } from "../../model/manifest.ts";
import { asLayers } from "../../model/mount.ts";
import { type StoredContainer, snapshotsOf } from "../containers/stored-container.ts";
import type { Engine } from "../engine.ts";
import { LEASE_TERM_MS } from "../lease-term.ts";

/**
 * A container's root file system as a tar archive, without what is mounted into it. containerd writes it, to its
 * content store, where a lease holds it until it has been read.
 *
 * @throws EngineError `not-found` when the container's snapshot is gone.
 */
export async function* exportContainer(
  { containerd }: Pick<Engine, "containerd">,
  { info }: StoredContainer,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, void> {
  await using lease = await containerd.leases.create({ expiresInMs: LEASE_TERM_MS, signal });
  const mounts = asLayers(await snapshotsOf(containerd, info).mounts(info.snapshotKey, { signal }));
  const { digest } = await containerd.diff.diff([], mounts, {
    mediaType: MediaType.ociLayer,
    ref: `wharf-export-${randomUUID()}`,
    leaseId: lease.id,
    signal,
  });
  yield* containerd.content.read(digest, { signal });
}
