import type { ImageRecord } from "../../containerd/images.ts";
import { isEngineError } from "../../errors.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { type ImageContent, readImageContent } from "./image-content.ts";
import { cameFrom } from "./labels.ts";

/** An image as docker sees it: one config, and all the names that lead to it. */
export interface CatalogedImage {
  /** The config's digest. */
  readonly id: string;
  readonly content: ImageContent;
  readonly records: readonly ImageRecord[];
  readonly tags: readonly Reference[];
  /** The repositories that it came from, with the digest by which they know it. */
  readonly digests: readonly Reference[];
}

type Lister = Pick<Engine, "containerd">;

interface CatalogOptions {
  readonly signal: AbortSignal;
}

/**
 * All images of the namespace. One of which no platform is here is left out: an index alone cannot be shown, run or
 * told apart from others.
 */
export async function listCatalog({ containerd }: Lister, { signal }: CatalogOptions): Promise<CatalogedImage[]> {
  const records = await containerd.images.list([], { signal });
  const targets = new Map(records.map(({ target }) => [target.digest, target]));
  const read = await Promise.all(
    [...targets.values()].map(async (target) => ({
      target,
      ...(await readTarget({ containerd }, target, { signal })),
    })),
  );
  const images = new Map<string, CatalogedImage>();
  for (const { target, content, labels } of read) {
    if (content === undefined) continue;
    const id = content.configDigest;
    const own = records.filter((record) => record.target.digest === target.digest);
    const names = namesOf(own, labels ?? {});
    const known = images.get(id);
    images.set(id, {
      id,
      content: known?.content ?? content,
      records: [...(known?.records ?? []), ...own],
      tags: [...(known?.tags ?? []), ...names.tags],
      digests: [...(known?.digests ?? []), ...names.digests],
    });
  }
  return [...images.values()].map((image) => ({
    ...image,
    tags: image.tags.toSorted(byName),
    digests: image.digests.toSorted(byName),
  }));
}

function byName(a: Reference, b: Reference): number {
  return a.toString() < b.toString() ? -1 : 1;
}

async function readTarget(
  { containerd }: Lister,
  target: Descriptor,
  { signal }: CatalogOptions,
): Promise<{ readonly content?: ImageContent; readonly labels?: Readonly<Record<string, string>> }> {
  try {
    const [content, { labels }] = await Promise.all([
      readImageContent(containerd.content, target, { signal }),
      containerd.content.info(target.digest, { signal }),
    ]);
    return { content, labels };
  } catch (error) {
    if (isEngineError(error, "not-found", "failed-precondition", "invalid-argument")) return {};
    throw error;
  }
}

/** What the records of one target are called: their tags, and their repositories if the target came from there. */
function namesOf(
  records: readonly ImageRecord[],
  labels: Readonly<Record<string, string>>,
): Pick<CatalogedImage, "tags" | "digests"> {
  const tags: Reference[] = [];
  const digests = new Map<string, Reference>();
  for (const { name, target } of records) {
    const reference = parseName(name);
    if (reference?.tag !== undefined) tags.push(reference);
    if (reference && (reference.digest !== undefined || cameFrom(labels, reference))) {
      const digested = reference.withDigest(target.digest);
      digests.set(digested.toString(), digested);
    }
  }
  return { tags, digests: [...digests.values()] };
}

/**
 * A record's name as a reference. Undefined for those that are none: dangling images, and the names that the CRI plugin
 * gives to image IDs.
 */
export function parseName(name: string): Reference | undefined {
  try {
    return isNameless(name) ? undefined : Reference.parse(name);
  } catch (error) {
    if (isEngineError(error, "invalid-argument")) return undefined;
    throw error;
  }
}

/**
 * The name before `@` of an image that lost its last one, as docker's containerd-backed store writes it: docker's
 * `<none>`. Without a record containerd would collect the image.
 */
const NAMELESS = "moby-dangling";

/** The name for the record of an image that has no name any more. */
export function namelessName(digest: string): string {
  return `${NAMELESS}@${digest}`;
}

function isNameless(name: string): boolean {
  return name.startsWith(`${NAMELESS}@`);
}
