import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { digestOf } from "../../model/digest.ts";
import { isLayerType, parseIndex } from "../../model/manifest.ts";
import { formatPlatform, type Platform } from "../../model/platform.ts";
import type { Reference } from "../../model/reference.ts";
import type { Engine, OperationContext } from "../engine.ts";
import { LEASE_TERM_MS } from "../lease-term.ts";
import { limitConcurrency, runTogether } from "./concurrency.ts";
import { holdContent } from "./hold-content.ts";
import { missingLabels, sourceLabel, sourcesOf } from "./labels.ts";
import { findRecord } from "./record.ts";
import { type ImageVariant, isFor, listPresent, readVariants } from "./variants.ts";

export interface PushRequest {
  /** With a tag or a digest, under which the image is here and will be there. */
  readonly reference: Reference;
  /** Push what is made for this platform alone. */
  readonly platform?: Platform | undefined;
}

/** What becomes of one blob: the last three are ends. */
export type PushState = "preparing" | "pushing" | "pushed" | "exists" | "mounted";

export type PushEvent =
  | {
      readonly type: "blob";
      readonly digest: string;
      readonly size: number;
      readonly state: Exclude<PushState, "mounted">;
    }
  | {
      readonly type: "blob";
      readonly digest: string;
      readonly size: number;
      readonly state: "mounted";
      readonly from: string;
    }
  | { readonly type: "bytes"; readonly digest: string; readonly size: number; readonly bytes: number };

export interface PushedImage {
  /** What the reference points at in the registry now. */
  readonly target: Descriptor;
  /** The image's own target, where that lacks platforms here and in the registry, and less was pushed. */
  readonly reducedFrom: string | undefined;
}

type Pusher = Pick<Engine, "containerd" | "registry">;

/** As many at a time as docker. */
const MAX_UPLOADS = 5;

/** What all steps of one push share. */
interface Push {
  readonly reference: Reference;
  readonly signal: AbortSignal;
  onProgress(event: PushEvent): void;
}

/** A manifest or index that is to be pushed, and what has to be there before it. */
interface PushedDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * Sends an image to the registry of its reference: layers side by side, then what names them, and last the tag. What
 * the registry has is not sent; what another of its repositories has is taken over from there. Platforms of which
 * something is missing here are no hindrance: if the registry lacks them, too, the rest is pushed.
 *
 * @throws EngineError `not-found` when there is no such image, or none for the platform; what the registry says.
 */
export async function pushImage(
  engine: Pusher,
  { reference, platform }: PushRequest,
  { signal, onProgress }: OperationContext<PushEvent>,
): Promise<PushedImage> {
  const { containerd } = engine;
  const push: Push = { reference, signal, onProgress };
  const record = await findRecord(engine, reference.toString(), { signal });
  if (record === undefined) throw noLocalImage(reference);
  // The image may lose its last name while it is sent.
  await using lease = await containerd.leases.create({ expiresInMs: LEASE_TERM_MS, signal });
  await holdContent(containerd, record.target.digest, { leaseId: lease.id, signal });
  const present = await listPresent(containerd.content, { signal });
  const { indexes, variants } = await readVariants(containerd.content, record.target, { present, signal });
  const chosen = await chooseVariants(engine, { indexes, variants, platform }, push);
  await pushBlobs(engine, chosen.variants, push);
  faultPoint("push.blobs-pushed");
  const manifests = chosen.variants.map(({ manifest }) => manifest);
  const documents = await Promise.all(manifests.map((manifest) => readDocument(engine, manifest, push)));
  documents.push(...(await indexDocuments(engine, chosen, push)));
  const target = await pushDocuments(engine, documents, push);
  await noteSource(engine, [...chosen.variants.flatMap(({ blobs }) => blobs), ...documents.map(toDescriptor)], push);
  return { target, reducedFrom: target.digest === record.target.digest || platform ? undefined : record.target.digest };
}

function toDescriptor({ descriptor }: PushedDocument): Descriptor {
  return descriptor;
}

export function noLocalImage(reference: Reference): EngineError {
  return new EngineError("not-found", `An image does not exist locally with the tag: ${reference.familiarRepository}`);
}

interface Available {
  readonly indexes: readonly Descriptor[];
  readonly variants: readonly ImageVariant[];
  readonly platform: Platform | undefined;
}

/** What will be pushed. */
interface Chosen {
  readonly variants: readonly ImageVariant[];
  /** Those that are pushed as they are; none where a part of the image is. */
  readonly indexes: readonly Descriptor[];
  /** An index that is cut to the variants, where there are several, and not all. */
  readonly cut: Descriptor | undefined;
}

async function chooseVariants(
  { registry }: Pusher,
  { indexes, variants, platform }: Available,
  { reference, signal }: Push,
): Promise<Chosen> {
  const whole = variants.filter(({ missing }) => missing.length === 0);
  if (platform) {
    const [variant] = whole.filter((candidate) => isFor(candidate, platform));
    if (variant) return { variants: [variant], indexes: [], cut: undefined };
    throw new EngineError(
      "not-found",
      `image with reference ${reference.familiar()} was found but does not provide the specified platform (${formatPlatform(platform)})`,
      { hint: `See 'wharf image verify ${reference.familiar()}'.` },
    );
  }
  const runnable = whole.filter(({ isAttestation }) => !isAttestation);
  if (runnable.length === 0) {
    const [lacking] = variants.flatMap(({ missing }) => missing);
    throw new EngineError("not-found", `content ${lacking?.digest} is missing`, {
      hint: `See 'wharf image repair ${reference.familiar()}'.`,
    });
  }
  const [top] = indexes;
  if (top === undefined) return { variants: whole, indexes: [], cut: undefined };
  const absent = variants.filter((variant) => !whole.includes(variant));
  const known = await Promise.all(
    absent.map(({ manifest }) => registry.hasManifest(reference.withDigest(manifest.digest), { signal })),
  );
  if (known.every(Boolean)) return { variants: whole, indexes, cut: undefined };
  const [only, another] = runnable;
  if (only !== undefined && another === undefined) return { variants: [only], indexes: [], cut: undefined };
  return { variants: whole, indexes: [], cut: top };
}

async function readDocument(
  { containerd }: Pusher,
  descriptor: Descriptor,
  { signal }: Pick<Push, "signal">,
): Promise<PushedDocument> {
  return { descriptor, bytes: await containerd.content.readAll(descriptor.digest, { signal }) };
}

/** The innermost first: a registry wants to know what an index names. */
async function indexDocuments(
  engine: Pusher,
  { indexes, cut, variants }: Chosen,
  push: Push,
): Promise<PushedDocument[]> {
  const whole = await Promise.all(indexes.toReversed().map((index) => readDocument(engine, index, push)));
  return cut === undefined ? whole : [...whole, await cutIndex(engine, cut, variants, push)];
}

/** The index with those of its entries that are here. */
async function cutIndex(
  engine: Pusher,
  index: Descriptor,
  variants: readonly ImageVariant[],
  push: Push,
): Promise<PushedDocument> {
  const { bytes } = await readDocument(engine, index, push);
  const digests = new Set(variants.map(({ manifest }) => manifest.digest));
  const document = JSON.parse(Buffer.from(bytes).toString()) as { readonly manifests: readonly Descriptor[] };
  const kept = parseIndex(bytes).manifests.filter(({ digest }) => digests.has(digest));
  const cut = Buffer.from(JSON.stringify({ ...document, manifests: kept }));
  return { descriptor: { mediaType: index.mediaType, digest: digestOf(cut), size: cut.length }, bytes: cut };
}

/** Configs and layers, each once, the largest first. */
async function pushBlobs(engine: Pusher, variants: readonly ImageVariant[], push: Push): Promise<void> {
  const blobs = new Map<string, Descriptor>();
  for (const { content } of variants) {
    if (content === undefined) continue;
    for (const blob of [content.config, ...content.layers]) if (!isForeign(blob)) blobs.set(blob.digest, blob);
  }
  const limit = limitConcurrency(MAX_UPLOADS);
  await runTogether(push.signal, (signal) =>
    [...blobs.values()].map((blob) => limit(() => pushBlob(engine, blob, { ...push, signal }))),
  );
}

/** Layers that may not be given on are fetched from where their maker has them. */
function isForeign({ mediaType, urls = [] }: Descriptor): boolean {
  return isLayerType(mediaType) && /foreign|nondistributable/.test(mediaType) && urls.length > 0;
}

async function pushBlob(
  { containerd, registry }: Pusher,
  blob: Descriptor,
  { reference, signal, onProgress }: Push,
): Promise<void> {
  const { digest, size } = blob;
  const tell = (state: Exclude<PushState, "mounted">) => onProgress({ type: "blob", digest, size, state });
  signal.throwIfAborted();
  tell("preparing");
  if (await registry.hasBlob(reference, digest, { signal })) return tell("exists");
  const { labels } = await containerd.content.info(digest, { signal });
  const mountFrom = nearestSource(sourcesOf(labels, reference), reference.path);
  const read = (offset: number) => containerd.content.read(digest, { offset, signal });
  tell("pushing");
  const onBytes = (bytes: number) => onProgress({ type: "bytes", digest, size, bytes });
  const outcome = await registry.pushBlob({ reference, blob, mountFrom, read }, { signal, onBytes });
  faultPoint("push.blob-pushed");
  if (outcome === "mounted") onProgress({ type: "blob", digest, size, state: "mounted", from: mountFrom ?? "" });
  else tell("pushed");
}

/** The repository whose name has the most in common with ours: there we are most likely to be let in. */
function nearestSource(repositories: readonly string[], path: string): string | undefined {
  const common = (repository: string) => {
    const own = path.split("/");
    const parts = repository.split("/");
    const different = parts.findIndex((part, index) => part !== own[index]);
    return different === -1 ? parts.length : different;
  };
  return repositories.filter((repository) => repository !== path).sort((a, b) => common(b) - common(a))[0];
}

/** Pushes manifests by their digests, and the last one by the tag. Returns that one. */
async function pushDocuments(
  { registry }: Pusher,
  documents: readonly PushedDocument[],
  { reference, signal }: Push,
): Promise<Descriptor> {
  const top = documents.at(-1);
  if (top === undefined) throw new EngineError("internal", `nothing to push for ${reference.familiar()}`);
  for (const { descriptor, bytes } of documents.slice(0, -1)) {
    await registry.pushManifest(reference.withDigest(descriptor.digest), descriptor, bytes, { signal });
    faultPoint("push.manifest-pushed");
  }
  await registry.pushManifest(reference, top.descriptor, top.bytes, { signal });
  faultPoint("push.tagged");
  return top.descriptor;
}

/** Notes where the content is now, too: another push there need not send it. */
async function noteSource(
  { containerd: { content } }: Pusher,
  blobs: readonly Descriptor[],
  { reference, signal }: Push,
): Promise<void> {
  const digests = new Set(blobs.map(({ digest }) => digest));
  await Promise.all(
    [...digests].map(async (digest) => {
      try {
        const { labels } = await content.info(digest, { signal });
        const missing = missingLabels(labels, sourceLabel(reference, labels));
        if (Object.keys(missing).length > 0) await content.updateLabels(digest, missing, { signal });
      } catch (error) {
        // A cut index is not here, and what is removed meanwhile needs no note.
        if (!isEngineError(error, "not-found")) throw error;
      }
    }),
  );
}
