import { isEngineError } from "../../errors.ts";
import { Filters } from "../../model/filters.ts";
import { matchesGlob } from "../../model/glob.ts";
import { type ImageConfig, parseImageConfig } from "../../model/image-config.ts";
import type { ImageSummary } from "../../model/image-view.ts";
import { parseMoment } from "../../model/moment.ts";
import type { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { type CatalogedImage, listCatalog } from "./catalog.ts";
import { readImageContent } from "./image-content.ts";
import { listImageUsers, usesImage } from "./image-users.ts";
import { pickImage } from "./resolve.ts";
import { measureImage } from "./size.ts";

export interface ListImagesRequest {
  readonly filters?: Filters;
  /** Count the containers of each image, which reads all of them. */
  readonly countContainers?: boolean;
}

type Lister = Pick<Engine, "containerd">;

interface ListOptions {
  readonly signal: AbortSignal;
}

const FILTERS = ["dangling", "label", "before", "since", "until", "reference"];

/**
 * The images of the namespace, as docker lists them: the newest first, and each once however many names it has.
 *
 * @throws EngineError `invalid-argument` for a filter that does not exist or cannot be read; `not-found` for an image
 *   that `before` or `since` names and that does not.
 */
export async function listImages(
  engine: Lister,
  { filters = Filters.none, countContainers = false }: ListImagesRequest,
  { signal }: ListOptions,
): Promise<ImageSummary[]> {
  filters.checkKeys(FILTERS);
  const [catalog, containers] = await Promise.all([
    listCatalog(engine, { signal }),
    countContainers ? listImageUsers(engine, { signal }) : undefined,
  ]);
  const named = catalog
    .filter(nameFilter(filters))
    .map((image) => withMatchingNames(image, filters.values("reference")));
  const described = await Promise.all(named.map((image) => describe(engine, image, { signal })));
  const matches = await configFilter(engine, catalog, filters, { signal });
  return described
    .filter((image) => image !== undefined)
    .filter(({ config }) => matches(config))
    .map(({ image, config, sizeBytes }) => ({
      ...summarize(image, config, sizeBytes),
      Containers: containers?.filter((container) => usesImage(container, image)).length ?? -1,
    }))
    .sort((a, b) => b.Created - a.Created);
}

/** An image with what is to be shown of its content. */
interface DescribedImage {
  readonly image: CatalogedImage;
  readonly config: ImageConfig;
  readonly sizeBytes: number;
}

/** Undefined for an image of which content is missing. */
async function describe(
  engine: Lister,
  image: CatalogedImage,
  { signal }: ListOptions,
): Promise<DescribedImage | undefined> {
  const { content } = engine.containerd;
  try {
    const { unpackedBytes } = image;
    if (unpackedBytes !== undefined) {
      const config = parseImageConfig(await content.readAll(image.id, { signal }));
      return { image, config, sizeBytes: unpackedBytes };
    }
    const { config, manifestContent } = await readImageContent(content, image.target, { signal });
    return { image, config, sizeBytes: await measureImage(engine, { config, manifestContent }, { signal }) };
  } catch (error) {
    if (isEngineError(error, "not-found", "invalid-argument")) return undefined;
    throw error;
  }
}

function summarize(
  { id, tags, digests }: CatalogedImage,
  config: ImageConfig,
  sizeBytes: number,
): Omit<ImageSummary, "Containers"> {
  return {
    Id: id,
    ParentId: "",
    RepoTags: tags.map((tag) => tag.familiar()),
    RepoDigests: digests.map((digest) => digest.familiar()),
    Created: Math.floor(createdMs(config) / 1000),
    Size: sizeBytes,
    SharedSize: -1,
    Labels: config.config.Labels ?? null,
  };
}

/** The filters that names alone decide. */
function nameFilter(filters: Filters): (image: CatalogedImage) => boolean {
  const patterns = filters.values("reference");
  const dangling = filters.has("dangling") ? filters.boolean("dangling", false) : undefined;
  return (image) => {
    const { tags, digests } = withMatchingNames(image, patterns);
    if (patterns.length > 0 && tags.length + digests.length === 0) return false;
    return dangling === undefined || dangling === (image.tags.length === 0);
  };
}

/** The filters that need an image's config. */
async function configFilter(
  { containerd }: Lister,
  catalog: readonly CatalogedImage[],
  filters: Filters,
  { signal }: ListOptions,
): Promise<(config: ImageConfig) => boolean> {
  const creationOf = async (name: string) =>
    createdMs(parseImageConfig(await containerd.content.readAll(pickImage(catalog, name).id, { signal })));
  const before = await Promise.all(filters.values("before").map(creationOf));
  const since = await Promise.all(filters.values("since").map(creationOf));
  const until = filters.values("until").map((text) => Date.parse(parseMoment(text, new Date())));
  return (config) => {
    const created = createdMs(config);
    return (
      [...before, ...until].every((limit) => created < limit) &&
      since.every((limit) => created > limit) &&
      filters.matchesLabels("label", config.config.Labels ?? {})
    );
  };
}

/** The image with the names that the patterns leave; without patterns with all. */
function withMatchingNames(image: CatalogedImage, patterns: readonly string[]): CatalogedImage {
  if (patterns.length === 0) return image;
  const matches = (reference: Reference) =>
    patterns.some(
      (pattern) => matchesGlob(pattern, reference.familiar()) || matchesGlob(pattern, reference.familiarRepository),
    );
  return { ...image, tags: image.tags.filter(matches), digests: image.digests.filter(matches) };
}

/** Milliseconds since the epoch; 0 for a config that does not say, as reproducible builds leave it. */
function createdMs({ created }: ImageConfig): number {
  const time = created === undefined ? 0 : Date.parse(created);
  return Number.isNaN(time) ? 0 : time;
}
