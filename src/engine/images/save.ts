import type { TarEntry } from "../../archive/tar-entry.ts";
import { EngineError, isEngineError } from "../../errors.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { digestHex, isDigest } from "../../model/digest.ts";
import { MediaType } from "../../model/manifest.ts";
import type { Platform } from "../../model/platform.ts";
import { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import {
  blobPath,
  DOCKER_MANIFEST,
  DOCKER_REPOSITORIES,
  IMAGE_NAME_ANNOTATION,
  OCI_INDEX,
  OCI_LAYOUT,
  OCI_LAYOUT_CONTENT,
  REF_NAME_ANNOTATION,
} from "./archive-format.ts";
import { type CatalogedImage, listCatalog } from "./catalog.ts";
import { type ImageContent, readImageContent } from "./image-content.ts";
import { otherPlatform, pickImage, targetNamed } from "./resolve.ts";
import { listPresent, readVariants } from "./variants.ts";

export interface SaveRequest {
  /** References or IDs; a repository without a tag means all its tags. */
  readonly images: readonly string[];
  readonly platform?: Platform | undefined;
}

/** An image on its way into an archive, and the tags that it gets there. */
interface SavedImage {
  /** What the archive's index names: the image's own index where it has one, so that it keeps its digest. */
  readonly top: Descriptor;
  /** What goes along of platforms beside the one of `content`: all that is here whole. */
  readonly others: readonly Descriptor[];
  /** What readers get that know one platform only. */
  readonly content: ImageContent;
  readonly tags: readonly Reference[];
}

type Saver = Pick<Engine, "containerd">;

interface SaveOptions {
  readonly signal: AbortSignal;
}

/**
 * The members of an archive of images, which docker, containerd and skopeo can load. All that can be missing is looked
 * for before the first member comes.
 *
 * @throws EngineError `not-found` for an image that is not here, or not for the platform, or lacks content.
 */
export async function saveImages(
  { containerd }: Saver,
  request: SaveRequest,
  { signal }: SaveOptions,
): Promise<AsyncIterable<TarEntry>> {
  const images = await chooseImages({ containerd }, request, { signal });
  const blobs = await findBlobs({ containerd }, images, { signal });
  return writeArchive({ containerd }, images, blobs, { signal });
}

async function chooseImages(
  { containerd }: Saver,
  { images: names, platform }: SaveRequest,
  { signal }: SaveOptions,
): Promise<SavedImage[]> {
  const catalog = await listCatalog({ containerd }, { signal });
  const chosen = new Map<string, { image: CatalogedImage; target: Descriptor; tags: Set<Reference> }>();
  for (const name of names) {
    for (const { image, tags } of imagesNamed(catalog, name)) {
      // Names of one image may point at an index and at a part of it.
      for (const tag of tags.length > 0 ? tags : [undefined]) {
        const target = tag === undefined ? targetNamed(image, name) : targetNamed(image, tag.toString());
        const known = chosen.get(target.digest) ?? { image, target, tags: new Set<Reference>() };
        if (tag !== undefined) known.tags.add(tag);
        chosen.set(target.digest, known);
      }
    }
  }
  const present = await listPresent(containerd.content, { signal });
  return await Promise.all(
    [...chosen.values()].map(async ({ image: { id }, target, tags: chosenTags }) => {
      const tags = [...chosenTags];
      const content = await contentFor({ containerd }, { id, target }, { platform, signal });
      if (platform) return { top: content.manifest, others: [], content, tags };
      const { indexes, variants } = await readVariants(containerd.content, target, { present, signal });
      const whole = variants.filter(({ missing }) => missing.length === 0);
      return { top: target, others: [...indexes, ...whole.flatMap(({ blobs }) => blobs)], content, tags };
    }),
  );
}

function imagesNamed(
  catalog: readonly CatalogedImage[],
  name: string,
): { readonly image: CatalogedImage; readonly tags: readonly Reference[] }[] {
  const reference = isDigest(name) ? undefined : Reference.parse(name);
  const isRepository = reference !== undefined && reference.tag === undefined && reference.digest === undefined;
  const found = catalog
    .map((image) => ({ image, tags: image.tags.filter((tag) => namesTag(reference, tag)) }))
    .filter(({ tags }) => tags.length > 0);
  if (found.length > 0) return found;
  try {
    return [{ image: pickImage(catalog, name), tags: [] }];
  } catch (error) {
    if (isRepository && isEngineError(error, "not-found")) {
      throw new EngineError("not-found", `No such image: ${name}`);
    }
    throw error;
  }
}

function namesTag(reference: Reference | undefined, tag: Reference): boolean {
  return (
    reference !== undefined &&
    reference.digest === undefined &&
    reference.repository === tag.repository &&
    (reference.tag === undefined || reference.tag === tag.tag)
  );
}

async function contentFor(
  { containerd }: Saver,
  { target, id }: Pick<CatalogedImage, "target" | "id">,
  { platform, signal }: SaveOptions & Pick<SaveRequest, "platform">,
): Promise<ImageContent> {
  try {
    return await readImageContent(containerd.content, target, { platform, signal });
  } catch (error) {
    throw platform && isEngineError(error, "not-found") ? otherPlatform(id, platform) : error;
  }
}

/** The blobs of all images, each once. */
async function findBlobs(
  { containerd }: Saver,
  images: readonly SavedImage[],
  { signal }: SaveOptions,
): Promise<Descriptor[]> {
  const blobs = new Map<string, Descriptor>();
  for (const { content, others } of images) {
    const { manifest, manifestContent } = content;
    const own = [manifest, manifestContent.config, ...manifestContent.layers];
    for (const blob of [...own, ...others]) blobs.set(blob.digest, blob);
  }
  await Promise.all(
    [...blobs.keys()].map(async (digest) => {
      if (await containerd.content.has(digest, { signal })) return;
      throw new EngineError("not-found", `content ${digest} is missing`, { hint: "pull the image again" });
    }),
  );
  return [...blobs.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

async function* writeArchive(
  { containerd }: Saver,
  images: readonly SavedImage[],
  blobs: readonly Descriptor[],
  { signal }: SaveOptions,
): AsyncGenerator<TarEntry, void, void> {
  yield directory("blobs");
  for (const algorithm of new Set(blobs.map(({ digest }) => digest.split(":", 1)[0]))) {
    yield directory(`blobs/${algorithm}`);
  }
  for (const { digest, size } of blobs) {
    const content = containerd.content.read(digest, { signal });
    yield { name: blobPath(digest), type: "file", sizeBytes: size, content };
  }
  yield text(OCI_INDEX, JSON.stringify(ociIndex(images)));
  yield text(DOCKER_MANIFEST, JSON.stringify(images.map(dockerImage)));
  yield text(OCI_LAYOUT, OCI_LAYOUT_CONTENT);
  const repositories = dockerRepositories(images);
  if (Object.keys(repositories).length > 0) yield text(DOCKER_REPOSITORIES, JSON.stringify(repositories));
}

/** An entry for each tag, or one without a name. */
function ociIndex(images: readonly SavedImage[]): object {
  const manifests = images.flatMap(({ top, tags }) => {
    const { mediaType, digest, size, platform } = top;
    const descriptor = { mediaType, digest, size, ...(platform ? { platform } : {}) };
    if (tags.length === 0) return [descriptor];
    return tags.map((tag) => ({
      ...descriptor,
      annotations: { [IMAGE_NAME_ANNOTATION]: tag.toString(), [REF_NAME_ANNOTATION]: tag.tag ?? "" },
    }));
  });
  return { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
}

function dockerImage({ content, tags }: SavedImage): object {
  const { config, layers } = content.manifestContent;
  const sources = layers.map(({ mediaType, size, digest }) => [digest, { mediaType, size, digest }]);
  return {
    Config: blobPath(config.digest),
    RepoTags: tags.length > 0 ? tags.map((tag) => tag.familiar()) : null,
    Layers: layers.map(({ digest }) => blobPath(digest)),
    LayerSources: Object.fromEntries(sources),
  };
}

/** What docker before 1.10 reads: the top layer of each tag. */
function dockerRepositories(images: readonly SavedImage[]): Record<string, Record<string, string>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { content, tags } of images) {
    const top = content.manifestContent.layers.at(-1)?.digest ?? "";
    for (const { familiarRepository, tag = "" } of tags) {
      repositories[familiarRepository] = { ...repositories[familiarRepository], [tag]: digestHex(top) };
    }
  }
  return repositories;
}

function directory(name: string): TarEntry {
  return { name, type: "directory", sizeBytes: 0, content: once() };
}

function text(name: string, content: string): TarEntry {
  const bytes = Buffer.from(content);
  return { name, type: "file", sizeBytes: bytes.length, content: once(bytes) };
}

async function* once(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array, void, void> {
  yield* chunks;
}
