import type { ImageRecord } from "../../containerd/images.ts";
import { EngineError, isEngineError } from "../../errors.ts";
import { chainIds } from "../../model/chain-id.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { type ImageConfig, parseImageConfig } from "../../model/image-config.ts";
import {
  type ImageManifest,
  isIndexType,
  isLayerType,
  isManifestType,
  parseIndex,
  parseManifest,
} from "../../model/manifest.ts";
import type { Platform } from "../../model/platform.ts";
import type { Engine } from "../engine.ts";
import { manifestsFor } from "./choose-manifest.ts";

/** What an image is on one platform: its manifest and its config, read from the content store. */
export interface ImageContent {
  readonly manifest: Descriptor;
  readonly manifestContent: ImageManifest;
  readonly config: ImageConfig;
  /** The digest of the config, which is what docker calls the image's ID. */
  readonly configDigest: string;
  /** The name of the snapshot of all its layers. */
  readonly chainId: string;
}

/** An image as a record names it. */
export interface ResolvedImage extends ImageContent {
  readonly record: ImageRecord;
}

/** One layer of an image, and the snapshots on both sides of it. */
export interface ImageLayer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
  /** Name of the snapshot below; `""` for the bottom layer. */
  readonly parent: string;
  /** Name of the snapshot that shows this layer and all below. */
  readonly chainId: string;
}

type Content = Engine["containerd"]["content"];

interface ReadOptions {
  readonly signal: AbortSignal;
  /** Without one: whichever is here, in the order of the index. */
  readonly platform?: Platform | undefined;
}

/**
 * Reads what `target`, an index or a manifest, holds for a platform.
 *
 * @throws EngineError `not-found` when that is not in the content store.
 */
export async function readImageContent(
  content: Content,
  target: Descriptor,
  { signal, platform }: ReadOptions,
): Promise<ImageContent> {
  const found = await readManifest(content, target, { signal, platform });
  const { manifest, manifestContent } = found;
  const { digest: configDigest } = manifestContent.config;
  const config = parseImageConfig(await content.readAll(configDigest, { signal }));
  return { manifest, manifestContent, config, configDigest, chainId: chainIds(config.rootfs.diff_ids).at(-1) ?? "" };
}

async function readManifest(
  content: Content,
  target: Descriptor,
  { signal, platform }: ReadOptions,
): Promise<Pick<ImageContent, "manifest" | "manifestContent">> {
  if (isManifestType(target.mediaType)) {
    return { manifest: target, manifestContent: parseManifest(await content.readAll(target.digest, { signal })) };
  }
  if (!isIndexType(target.mediaType)) {
    throw new EngineError("failed-precondition", `unsupported manifest media type: ${target.mediaType}`);
  }
  const { manifests } = parseIndex(await content.readAll(target.digest, { signal }));
  for (const descriptor of manifestsFor(manifests, platform)) {
    try {
      return await readManifest(content, descriptor, { signal, platform });
    } catch (error) {
      // An index names the manifests of all platforms, and a pull brings one of them.
      if (!isEngineError(error, "not-found")) {
        throw error;
      }
    }
  }
  throw new EngineError("not-found", `no manifest of ${target.digest} is in the content store`);
}

/**
 * Pairs the layers of a manifest with the diff IDs of its config.
 *
 * @throws EngineError `invalid-argument` when there are more of one than of the other.
 */
export function imageLayers({ layers }: ImageManifest, { rootfs }: ImageConfig): ImageLayer[] {
  const chain = chainIds(rootfs.diff_ids);
  const fileSystems = layers.filter(({ mediaType }) => isLayerType(mediaType));
  if (fileSystems.length !== chain.length) {
    throw new EngineError(
      "invalid-argument",
      `malformed image: its manifest has ${fileSystems.length} layers, its config ${chain.length}`,
    );
  }
  return fileSystems.map((descriptor, index) => ({
    descriptor,
    diffId: rootfs.diff_ids[index] ?? "",
    parent: chain[index - 1] ?? "",
    chainId: chain[index] ?? "",
  }));
}
