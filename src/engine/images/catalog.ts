import type { ImageRecord } from "../../containerd/images.ts";
import { isEngineError } from "../../errors.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { isDigest } from "../../model/digest.ts";
import { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { readImageContent } from "./image-content.ts";
import { cameFrom, imageContentFilters, labelledChildren, unpackedSize } from "./labels.ts";

/** An image as docker sees it: one config, and all the names that lead to it. */
export interface CatalogedImage {
  /** The config's digest. */
  readonly id: string;
  /** An index or manifest that leads to it. */
  readonly target: Descriptor;
  /** What its snapshots take, if whoever unpacked it noted that. */
  readonly unpackedBytes: number | undefined;
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
 * All images of the namespace, in two calls to containerd however many there are: the labels that keep content from
 * being collected also say which config an image has. An image of which no platform is here is left out: an index alone
 * cannot be shown, run or told apart from others.
 */
export async function listCatalog({ containerd }: Lister, { signal }: CatalogOptions): Promise<CatalogedImage[]> {
  const [records, described] = await Promise.all([
    containerd.images.list([], { signal }),
    containerd.content.list(imageContentFilters(containerd.snapshotter), { signal }),
  ]);
  const labels = new Map(described.map((info) => [info.digest, info.labels]));
  const images = new Map<string, CatalogedImage>();
  for (const [target, own] of groupByTarget(records)) {
    const id = labelledConfig(labels, target.digest) ?? (await readConfigDigest({ containerd }, target, { signal }));
    if (id === undefined) continue;
    const names = namesOf(own, labels.get(target.digest) ?? {});
    const known = images.get(id);
    images.set(id, {
      id,
      target: known?.target ?? target,
      unpackedBytes: unpackedSize(labels.get(id) ?? {}, containerd.snapshotter),
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

function groupByTarget(records: readonly ImageRecord[]): Iterable<[target: Descriptor, records: ImageRecord[]]> {
  const groups = new Map<string, [Descriptor, ImageRecord[]]>();
  for (const record of records) {
    const group = groups.get(record.target.digest);
    if (group) group[1].push(record);
    else groups.set(record.target.digest, [record.target, [record]]);
  }
  return groups.values();
}

/** The config that labels lead to. Undefined where there are none, or where they lead to several manifests. */
function labelledConfig(
  labels: ReadonlyMap<string, Readonly<Record<string, string>>>,
  digest: string,
): string | undefined {
  const { config, manifests } = labelledChildren(labels.get(digest) ?? {});
  if (config !== undefined) return config;
  const [manifest, ...others] = manifests.filter((candidate) => labels.has(candidate));
  return manifest === undefined || others.length > 0 ? undefined : labelledConfig(labels, manifest);
}

async function readConfigDigest(
  { containerd }: Lister,
  target: Descriptor,
  { signal }: CatalogOptions,
): Promise<string | undefined> {
  try {
    return (await readImageContent(containerd.content, target, { signal })).configDigest;
  } catch (error) {
    if (isEngineError(error, "not-found", "failed-precondition", "invalid-argument")) return undefined;
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
    return isNameless(name) || isDigest(name) ? undefined : Reference.parse(name);
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
