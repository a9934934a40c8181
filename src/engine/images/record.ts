import type { ContentInfo } from "../../containerd/content.ts";
import type { ImageRecord, NewImage } from "../../containerd/images.ts";
import { isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { Engine } from "../engine.ts";
import { namelessName, parseName } from "./catalog.ts";
import { cameFrom } from "./labels.ts";

type Recorder = Pick<Engine, "containerd">;

/**
 * Points a name at an image. An image that loses its only name by that stays, as in docker: under its digest when it
 * came from a registry, as a dangling one otherwise.
 */
export async function recordImage(
  { containerd }: Recorder,
  image: NewImage,
  { signal }: { readonly signal: AbortSignal },
): Promise<{ readonly record: ImageRecord; readonly isNew: boolean }> {
  const previous = await findRecord({ containerd }, image.name, { signal });
  if (previous?.target.digest === image.target.digest) {
    return { record: previous, isNew: false };
  }
  if (previous) {
    await keepNameless({ containerd }, previous, { signal });
    faultPoint("image.previous-kept");
  }
  const record = await containerd.images.upsert(image, { signal });
  faultPoint("image.recorded");
  return { record, isNew: true };
}

/** The record of exactly this name, or undefined. */
export async function findRecord(
  { containerd }: Recorder,
  name: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<ImageRecord | undefined> {
  try {
    return await containerd.images.get(name, { signal });
  } catch (error) {
    if (isEngineError(error, "not-found")) {
      return undefined;
    }
    throw error;
  }
}

/** Undefined when the image was removed at this moment: nothing is left that a name could keep. */
async function findContent(
  { containerd }: Recorder,
  digest: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<ContentInfo | undefined> {
  try {
    return await containerd.content.info(digest, { signal });
  } catch (error) {
    if (isEngineError(error, "not-found")) return undefined;
    throw error;
  }
}

async function keepNameless(
  { containerd }: Recorder,
  { name, target }: ImageRecord,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const sharing = await containerd.images.list([`target.digest==${target.digest}`], { signal });
  if (sharing.length > 1) {
    return;
  }
  const described = await findContent({ containerd }, target.digest, { signal });
  if (described === undefined) return;
  const reference = parseName(name);
  const keptAs =
    reference && cameFrom(described.labels, reference)
      ? reference.withDigest(target.digest).toString()
      : namelessName(target.digest);
  await containerd.images.upsert({ name: keptAs, target }, { signal });
}
