import { isEngineError } from "../../errors.ts";
import type { ImageConfig, ImageHistory } from "../../model/image-config.ts";
import type { ImageHistoryItem } from "../../model/image-view.ts";
import type { Platform } from "../../model/platform.ts";
import type { Engine } from "../engine.ts";
import { imageLayers } from "./image-content.ts";
import { findCatalogedImage, resolveImage } from "./resolve.ts";

export interface ImageHistoryRequest {
  readonly image: string;
  readonly platform?: Platform | undefined;
}

/** What docker calls the steps whose images are not here as such: all but the last. */
const MISSING = "<missing>";
/** The time of a step that does not say, as Go writes one that never was, in seconds since 1970. */
const NEVER = -62_135_596_800;

/**
 * The steps that an image was made in, the last one first, each with what its layer takes unpacked.
 *
 * @throws EngineError `not-found`, also when the image is here for another platform only.
 */
export async function readImageHistory(
  engine: Pick<Engine, "containerd">,
  { image: nameOrId, platform }: ImageHistoryRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<ImageHistoryItem[]> {
  const { config, manifestContent, configDigest } = await resolveImage(engine, nameOrId, { platform, signal });
  const sizes = await Promise.all(
    imageLayers(manifestContent, config).map(async ({ chainId, descriptor }) => {
      try {
        return (await engine.containerd.snapshots.usage(chainId, { signal })).sizeBytes;
      } catch (error) {
        // Not unpacked: what is known of it is how large it is compressed.
        if (isEngineError(error, "not-found")) return descriptor.size;
        throw error;
      }
    }),
  );
  const { tags } = await findCatalogedImage(engine, configDigest, { signal }).catch(noTags);
  const steps = stepsOf(config, sizes).reverse();
  return steps.map((step, index) => ({
    ...step,
    Id: index === 0 ? configDigest : MISSING,
    Tags: index === 0 && tags.length > 0 ? tags.map((tag) => tag.familiar()) : null,
  }));
}

/** The config of another platform is none that the catalog lists. */
function noTags(error: unknown): { readonly tags: [] } {
  if (isEngineError(error, "not-found")) return { tags: [] };
  throw error;
}

/** Pairs the steps that made a layer with the layers. */
function stepsOf({ history = [] }: ImageConfig, sizes: readonly number[]): Omit<ImageHistoryItem, "Id" | "Tags">[] {
  let layer = 0;
  return history.map((step) => ({
    Created: createdSeconds(step),
    CreatedBy: step.created_by ?? "",
    Size: step.empty_layer ? 0 : (sizes[layer++] ?? 0),
    Comment: step.comment ?? "",
  }));
}

function createdSeconds({ created }: ImageHistory): number {
  const time = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(time) ? NEVER : Math.floor(time / 1000);
}
