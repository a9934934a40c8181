import type { LayerCodec } from "../../archive/layer-codec.ts";
import { isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import { applyChanges } from "../../model/image-changes.ts";
import type { ImageConfig } from "../../model/image-config.ts";
import type { Platform } from "../../model/platform.ts";
import type { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { LEASE_TERM_MS } from "../lease-term.ts";
import { namelessName } from "./catalog.ts";
import { readImageContent } from "./image-content.ts";
import { recordImage } from "./record.ts";
import { storeImage } from "./store-image.ts";
import { storeLayer } from "./store-layer.ts";
import { ensureUnpacked } from "./unpack.ts";

export interface ImportRequest {
  /** A tar archive of a root file system, in whatever compression. */
  readonly archive: AsyncIterable<Uint8Array>;
  readonly codec: LayerCodec;
  /** Absent: the image gets no name. */
  readonly reference: Reference | undefined;
  readonly platform: Platform;
  /** Dockerfile instructions, see `applyChanges`. */
  readonly changes: readonly string[];
  readonly message: string;
}

export interface ImportContext {
  readonly signal: AbortSignal;
  /** Called with the number of bytes that have been read, uncompressed. */
  onBytes(count: number): void;
}

/**
 * Makes an image of one layer from an archive of a file system, and returns its ID.
 *
 * @throws EngineError `invalid-argument` for a change that is none, or what is no archive.
 */
export async function importImage(
  engine: Pick<Engine, "containerd">,
  { archive, codec, reference, platform, changes, message }: ImportRequest,
  { signal, onBytes }: ImportContext,
): Promise<string> {
  const { content, leases, images } = engine.containerd;
  // Before a long archive is read: a mistake in these is known at once.
  const runConfig = applyChanges({}, changes);
  await using lease = await leases.create({ expiresInMs: LEASE_TERM_MS, signal });
  const context = { leaseId: lease.id, signal };
  const layer = await storeLayer(engine, codec.decompress(archive), "gzip", { ...context, codec, onBytes });
  faultPoint("import.layer-stored");
  const created = new Date().toISOString();
  const config: ImageConfig = {
    created,
    ...platform,
    config: runConfig,
    rootfs: { type: "layers", diff_ids: [layer.diffId] },
    history: [{ created, comment: message }],
  };
  const { target, configDigest } = await storeImage(content, { config, layers: [layer.descriptor] }, context);
  await ensureUnpacked(engine, await readImageContent(content, target, { signal }), { signal });
  faultPoint("import.unpacked");
  if (reference) await recordImage(engine, { name: reference.toString(), target }, { signal });
  else await images.create({ name: namelessName(target.digest), target }, { signal }).catch(unlessPresent);
  return configDigest;
}

function unlessPresent(error: unknown): void {
  if (!isEngineError(error, "already-exists")) throw error;
}
