import { EngineError, isEngineError } from "../../errors.ts";
import { Filters } from "../../model/filters.ts";
import { parseImageConfig } from "../../model/image-config.ts";
import type { ImageDeletion } from "../../model/image-view.ts";
import { parseMoment } from "../../model/moment.ts";
import type { Engine } from "../engine.ts";
import { type CatalogedImage, listCatalog } from "./catalog.ts";
import { ContentGraph, contentNode, type GraphNode } from "./content-graph.ts";
import { readProtection } from "./image-protection.ts";
import { deleteImage, namesOf } from "./remove.ts";

export interface PruneImagesRequest {
  /** Images that have a name, too; without it only those that have none. */
  readonly all: boolean;
  readonly filters?: Filters;
}

/** An image that the request is about, and what is to become of it. */
export interface PlannedImage {
  readonly image: CatalogedImage;
  readonly remove: boolean;
  readonly reason: string;
  /** What its removal frees, beside what those before it in the plan free; 0 for one that stays. */
  readonly sizeBytes: number;
}

/** What a prune would do. */
export interface PrunePlan {
  readonly images: readonly PlannedImage[];
  readonly reclaimableBytes: number;
}

export interface PruneReport {
  readonly deletions: readonly ImageDeletion[];
  readonly reclaimedBytes: number;
}

type Pruner = Pick<Engine, "containerd" | "store">;

interface PruneOptions {
  readonly signal: AbortSignal;
}

const FILTERS = ["until", "label", "label!", "dangling"];

/**
 * Says which images no container uses and nobody else needs, and what their removal frees. Nothing is changed.
 *
 * @throws EngineError `invalid-argument` for a filter that does not exist or cannot be read.
 */
export async function planImagePrune(
  engine: Pruner,
  { all, filters = Filters.none }: PruneImagesRequest,
  { signal }: PruneOptions,
): Promise<PrunePlan> {
  filters.checkKeys(FILTERS);
  const matches = await filterOf(engine, filters, { signal });
  const catalog = await listCatalog(engine, { signal });
  const protection = await readProtection(engine, { signal });
  const considered: { image: CatalogedImage; kept: string | undefined }[] = [];
  for (const image of catalog) {
    if (image.tags.length > 0 && !all) continue;
    if (await matches(image)) considered.push({ image, kept: protection(image) });
  }
  const doomed = new Set(considered.filter(({ kept }) => kept === undefined).map(({ image }) => image));
  const graph = await ContentGraph.read(engine, { signal });
  const kept = graph.keptBy(await targetsBeside(engine, doomed, { signal }));
  const images: PlannedImage[] = [];
  for (const { image, kept: reason } of considered) {
    const freed = reason === undefined ? take(graph, image, kept) : [];
    images.push({
      image,
      remove: reason === undefined,
      reason: reason ?? (image.tags.length > 0 ? "no container uses it" : "dangling"),
      sizeBytes: await graph.sizeOf(freed, { signal }),
    });
  }
  return { images, reclaimableBytes: images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

/** What is freed with an image; it counts as gone for the next one. */
function take(graph: ContentGraph, { records }: CatalogedImage, kept: Set<GraphNode>): GraphNode[] {
  const reached = graph.reach(records.map(({ target }) => contentNode(target.digest)));
  const freed = [...reached].filter((node) => !kept.has(node));
  for (const node of freed) kept.add(node);
  return freed;
}

/** The targets of all records but those of the images that go: also of images that the catalog cannot show. */
async function targetsBeside(
  { containerd }: Pruner,
  doomed: ReadonlySet<CatalogedImage>,
  { signal }: PruneOptions,
): Promise<string[]> {
  const names = new Set([...doomed].flatMap(({ records }) => records.map(({ name }) => name)));
  const records = await containerd.images.list([], { signal });
  return records.filter(({ name }) => !names.has(name)).map(({ target }) => target.digest);
}

async function filterOf(
  { containerd }: Pruner,
  filters: Filters,
  { signal }: PruneOptions,
): Promise<(image: CatalogedImage) => Promise<boolean>> {
  const [until, another] = filters.values("until");
  if (another !== undefined) throw new EngineError("invalid-argument", "more than one until filter specified");
  const limit = until === undefined ? undefined : Date.parse(parseMoment(until, new Date()));
  if (limit === undefined && !filters.has("label") && !filters.has("label!")) return async () => true;
  return async ({ id }) => {
    const { created, config } = parseImageConfig(await containerd.content.readAll(id, { signal }));
    const labels = config.Labels ?? {};
    if (limit !== undefined && (created === undefined ? 0 : Date.parse(created)) > limit) return false;
    if (!filters.matchesLabels("label", labels)) return false;
    return !filters.has("label!") || !filters.matchesLabels("label!", labels);
  };
}

/**
 * Removes what the plan says. An image that came into use since then stays, as does one that has got another name.
 *
 * @throws EngineError what containerd says; images before that are gone.
 */
export async function applyImagePrune(engine: Pruner, plan: PrunePlan, { signal }: PruneOptions): Promise<PruneReport> {
  const deletions: ImageDeletion[] = [];
  let reclaimedBytes = 0;
  for (const { image, remove, sizeBytes } of plan.images) {
    if (!remove || !(await isStillUnused(engine, image, { signal }))) continue;
    try {
      deletions.push(...(await deleteImage(engine, namesOf(image), { image, signal })));
      reclaimedBytes += sizeBytes;
    } catch (error) {
      // Somebody else has just removed it.
      if (!isEngineError(error, "not-found")) throw error;
    }
  }
  return { deletions, reclaimedBytes };
}

async function isStillUnused(engine: Pruner, image: CatalogedImage, { signal }: PruneOptions): Promise<boolean> {
  const now = (await listCatalog(engine, { signal })).find(({ id }) => id === image.id);
  if (now === undefined || now.records.length !== image.records.length) return false;
  return (await readProtection(engine, { signal }))(now) === undefined;
}
