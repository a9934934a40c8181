import { EngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { ImageDeletion } from "../../model/image-view.ts";
import { formatPlatform, type Platform } from "../../model/platform.ts";
import type { Engine } from "../engine.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { listImageUsers, usesImage } from "./image-users.ts";
import { withoutChild } from "./labels.ts";
import { removeImage } from "./remove.ts";
import { findCatalogedImage, otherPlatform, targetNamed } from "./resolve.ts";
import { isFor, listPresent, readVariants } from "./variants.ts";

export interface RemovePlatformRequest {
  /** A reference, an ID or the beginning of one. */
  readonly image: string;
  readonly platform: Platform;
  readonly force: boolean;
}

/**
 * Removes what is here of an image for one platform, and leaves the others. The last one that is here takes the image
 * with it. Returns what was done.
 *
 * @throws EngineError `not-found` when the image is not here for that platform; `conflict` when a container uses it.
 */
export async function removeImagePlatform(
  engine: Pick<Engine, "containerd">,
  { image: nameOrId, platform, force }: RemovePlatformRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<ImageDeletion[]> {
  const { containerd } = engine;
  const image = await findCatalogedImage(engine, nameOrId, { signal });
  const present = await listPresent(containerd.content, { signal });
  const { indexes, variants } = await readVariants(containerd.content, targetNamed(image, nameOrId), {
    present,
    signal,
  });
  const here = variants.filter(({ content, isAttestation }) => content !== undefined && !isAttestation);
  const chosen = here.filter((variant) => isFor(variant, platform));
  if (chosen.length === 0) throw otherPlatform(nameOrId, platform);
  if (chosen.length === here.length) return await removeImage(engine, { image: nameOrId, force }, { signal });
  const configs = new Set(chosen.map(({ content }) => content?.config.digest));
  const users = await listImageUsers(engine, { signal });
  const user = users.find((candidate) =>
    candidate.imageId === undefined ? usesImage(candidate, image) : configs.has(candidate.imageId),
  );
  if (user && (user.isRunning || !force)) {
    const [state, remedy] = user.isRunning ? ["running", "cannot be forced"] : ["stopped", "must be forced"];
    throw new EngineError(
      "conflict",
      `conflict: unable to delete ${formatPlatform(platform)} of ${nameOrId} (${remedy}) - image is being used by ${state} container ${user.containerId.slice(0, 12)}`,
    );
  }
  for (const { manifest } of chosen) {
    for (const { digest } of indexes) {
      const { labels } = await containerd.content.info(digest, { signal });
      const change = withoutChild(labels, manifest.digest);
      if (Object.keys(change).length > 0) await containerd.content.updateLabels(digest, change, { signal });
      faultPoint("rmi.platform-let-go");
    }
  }
  await collectGarbage(containerd, { signal });
  const gone = await Promise.all(
    chosen.map(async ({ manifest }) => !(await containerd.content.has(manifest.digest, { signal }))),
  );
  return chosen.filter((_, index) => gone[index]).map(({ manifest }) => ({ Deleted: manifest.digest }));
}
