import { createHash, randomUUID } from "node:crypto";
import type { CompressOptions, LayerCodec, LayerCompression } from "../../archive/layer-codec.ts";
import { isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { MediaType } from "../../model/manifest.ts";
import type { Engine } from "../engine.ts";
import { holdContent } from "./hold-content.ts";
import { uncompressedLabel } from "./labels.ts";

/** A layer that is in the content store now. */
export interface StoredLayer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
}

export interface StoreLayerContext {
  readonly codec: LayerCodec;
  readonly leaseId: string;
  readonly signal: AbortSignal;
  /** Called with the number of plain bytes that have been read. */
  readonly onBytes?: (count: number) => void;
}

const LAYER_TYPES: Readonly<Record<LayerCompression, string>> = {
  none: MediaType.ociLayer,
  gzip: MediaType.ociLayerGzip,
  zstd: MediaType.ociLayerZstd,
};

/** Compresses the plain bytes of a layer and puts them into the content store, under the lease. */
export async function storeLayer(
  { containerd }: Pick<Engine, "containerd">,
  plain: AsyncIterable<Uint8Array>,
  compression: LayerCompression,
  { codec, leaseId, signal, onBytes, level }: StoreLayerContext & CompressOptions,
): Promise<StoredLayer> {
  const { content } = containerd;
  const plainHash = createHash("sha256");
  const hash = createHash("sha256");
  let plainBytes = 0;
  const counted = async function* () {
    for await (const chunk of plain) {
      plainHash.update(chunk);
      plainBytes += chunk.length;
      onBytes?.(plainBytes);
      yield chunk;
    }
  };
  const ref = `wharf-layer-${randomUUID()}`;
  await using writer = await content.writer(ref, { leaseId, signal });
  for await (const chunk of codec.compress(counted(), compression, { level })) {
    hash.update(chunk);
    await writer.write(chunk);
    faultPoint("layer.chunk-written");
  }
  const diffId = `sha256:${plainHash.digest("hex")}`;
  const descriptor = {
    mediaType: LAYER_TYPES[compression],
    digest: `sha256:${hash.digest("hex")}`,
    size: writer.offset,
  };
  const labels = compression === "none" ? {} : uncompressedLabel(diffId);
  try {
    await writer.commit({ ...descriptor, labels });
  } catch (error) {
    if (!isEngineError(error, "already-exists")) throw error;
    await content.abort(ref, { signal }).catch((failure: unknown) => {
      if (!isEngineError(failure, "not-found")) throw failure;
    });
    await holdContent(containerd, descriptor.digest, { leaseId, signal });
  }
  return { descriptor, diffId };
}
