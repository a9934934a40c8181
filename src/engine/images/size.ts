import { isEngineError } from "../../errors.ts";
import { chainIds } from "../../model/chain-id.ts";
import type { Engine } from "../engine.ts";
import type { ImageContent } from "./image-content.ts";

/**
 * The bytes that an image takes unpacked, by the snapshots of its layers. A layer that is not unpacked counts with its
 * compressed size.
 */
export async function measureImage(
  { containerd }: Pick<Engine, "containerd">,
  { config, manifestContent }: Pick<ImageContent, "config" | "manifestContent">,
  { signal }: { readonly signal: AbortSignal },
): Promise<number> {
  const layers = manifestContent.layers.map(({ size }) => size);
  const sizes = await Promise.all(
    chainIds(config.rootfs.diff_ids).map(async (chainId, index) => {
      try {
        return (await containerd.snapshots.usage(chainId, { signal })).sizeBytes;
      } catch (error) {
        if (isEngineError(error, "not-found")) return layers[index] ?? 0;
        throw error;
      }
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
