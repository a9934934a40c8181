import { Filters } from "../../model/filters.ts";
import { matchesGlob } from "../../model/glob.ts";
import type { ImageConfig } from "../../model/image-config.ts";
import type { ImageSummary } from "../../model/image-view.ts";
import { parseMoment } from "../../model/moment.ts";
import type { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { type CatalogedImage, listCatalog } from "./catalog.ts";
import { listImageUsers, usesImage } from "./image-users.ts";
import { pickImage } from "./resolve.ts";
import { imageSizes } from "./size.ts";

export interface ListImagesRequest {
  readonly filters?: Filters;
  /** Count the containers of each image, which reads all of them. */
  readonly countContainers?: boolean;
}

const FILTERS = ["dangling", "label", "before", "since", "until", "reference"];

/**
 * The images of the namespace, as docker lists them: the newest first, and each once however many names it has.
 *
 * @throws EngineError `invalid-argument` for a filter that does not exist or cannot be read; `not-found` for an image
 *   that `before` or `since` names and that does not.
 */
export async function listImages(
  engine: Pick<Engine, "containerd">,
  { filters = Filters.none, countContainers = false }: ListImagesRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<ImageSummary[]> {
  filters.checkKeys(FILTERS);
  const [catalog, containers] = await Promise.all([
    listCatalog(engine, { signal }),
    countContainers ? listImageUsers(engine, { signal }) : undefined,
  ]);
  const sizeOf = imageSizes(engine, { signal });
  const chosen = chooseImages(catalog, filters);
  const summaries = await Promise.all(
    chosen.map(async (image) => ({
      ...summarize(image, await sizeOf(image.content)),
      Containers: containers?.filter((container) => usesImage(container, image)).length ?? -1,
    })),
  );
  return summaries.sort((a, b) => b.Created - a.Created);
}

function summarize(
  { id, tags, digests, content }: CatalogedImage,
  sizeBytes: number,
): Omit<ImageSummary, "Containers"> {
  return {
    Id: id,
    ParentId: "",
    RepoTags: tags.map((tag) => tag.familiar()),
    RepoDigests: digests.map((digest) => digest.familiar()),
    Created: Math.floor(createdMs(content.config) / 1000),
    Size: sizeBytes,
    SharedSize: -1,
    Labels: content.config.config.Labels ?? null,
  };
}

/** Those that match the filters, each with the names that the filter `reference` leaves. */
function chooseImages(catalog: readonly CatalogedImage[], filters: Filters): CatalogedImage[] {
  const moment = (name: string) => createdMs(pickImage(catalog, name).content.config);
  const before = filters.values("before").map(moment);
  const since = filters.values("since").map(moment);
  const until = filters.values("until").map((text) => Date.parse(parseMoment(text, new Date())));
  const dangling = filters.has("dangling") ? filters.boolean("dangling", false) : undefined;
  return catalog
    .map((image) => (filters.has("reference") ? withMatchingNames(image, filters.values("reference")) : image))
    .filter((image) => !filters.has("reference") || image.tags.length + image.digests.length > 0)
    .filter(({ content: { config } }) => {
      const created = createdMs(config);
      return (
        [...before, ...until].every((limit) => created < limit) &&
        since.every((limit) => created > limit) &&
        filters.matchesLabels("label", config.config.Labels ?? {})
      );
    })
    .filter((image) => dangling === undefined || dangling === (image.tags.length === 0));
}

function withMatchingNames(image: CatalogedImage, patterns: readonly string[]): CatalogedImage {
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
