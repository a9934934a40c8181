import { isEngineError } from "../../errors.ts";
import { chainIds } from "../../model/chain-id.ts";
import type { Engine } from "../engine.ts";
import type { ImageContent } from "./image-content.ts";

/** Tells the bytes that an image takes unpacked; layers that several images share are measured once. */
export type MeasureImage = (content: ImageContent) => Promise<number>;

/** Measures images by the snapshots of their layers. What is not unpacked counts by the size of its compressed layers. */
export function imageSizes(
  { containerd }: Pick<Engine, "containerd">,
  { signal }: { readonly signal: AbortSignal },
): MeasureImage {
  const usages = new Map<string, Promise<number | undefined>>();
  const usageOf = (chainId: string): Promise<number | undefined> => {
    const known = usages.get(chainId) ?? readUsage({ containerd }, chainId, { signal });
    usages.set(chainId, known);
    return known;
  };
  return async ({ config, manifestContent }) => {
    const sizes = await Promise.all(chainIds(config.rootfs.diff_ids).map(usageOf));
    const layers = manifestContent.layers.map(({ size }) => size);
    return sum(sizes.map((size, index) => size ?? layers[index] ?? 0));
  };
}

async function readUsage(
  { containerd }: Pick<Engine, "containerd">,
  chainId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<number | undefined> {
  try {
    return (await containerd.snapshots.usage(chainId, { signal })).sizeBytes;
  } catch (error) {
    if (isEngineError(error, "not-found")) return undefined;
    throw error;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
