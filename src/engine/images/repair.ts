import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { type ImageManifest, MediaType, parseIndex, parseManifest } from "../../model/manifest.ts";
import type { Platform } from "../../model/platform.ts";
import type { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { LEASE_TERM_MS } from "../lease-term.ts";
import { type CatalogedImage, parseName } from "./catalog.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { limitConcurrency, runTogether } from "./concurrency.ts";
import { fetchBlob } from "./fetch-blob.ts";
import { holdContent } from "./hold-content.ts";
import { childLabels, sourceLabel } from "./labels.ts";
import { findCatalogedImage, otherPlatform, targetNamed } from "./resolve.ts";
import { storeManifest } from "./store-image.ts";
import { type ImageVariant, isFor, listPresent, readVariants } from "./variants.ts";
import { verifyImage } from "./verify.ts";

export interface RepairRequest {
  /** A reference, an ID or the beginning of one. */
  readonly image: string;
  /** Make this platform whole, be it that nothing of it is here; without it, all of which a part is here. */
  readonly platform?: Platform | undefined;
  /** Read every blob, and fetch those again that are damaged. */
  readonly content: boolean;
}

export interface RepairContext {
  readonly signal: AbortSignal;
  /** Called for each blob that has been fetched. */
  onFetched(blob: Descriptor): void;
}

type Repairer = Pick<Engine, "containerd" | "registry">;

const MAX_DOWNLOADS = 3;

/**
 * Fetches what is missing of an image, and nothing else, from where it came. Returns the blobs that it has fetched.
 *
 * @throws EngineError `not-found` when there is no such image, or it is not made for the platform; `failed-precondition`
 *   when nobody knows where it came from; what the registry says.
 */
export async function repairImage(
  engine: Repairer,
  { image: nameOrId, platform, content }: RepairRequest,
  context: RepairContext,
): Promise<Descriptor[]> {
  const { containerd } = engine;
  const { signal } = context;
  const image = await findCatalogedImage(engine, nameOrId, { signal });
  const reference = sourceOf(image, nameOrId);
  await using lease = await containerd.leases.create({ expiresInMs: LEASE_TERM_MS, signal });
  const target = targetNamed(image, nameOrId);
  await holdContent(containerd, target.digest, { leaseId: lease.id, signal });
  const damaged = content ? await dropDamaged(engine, nameOrId, platform, { signal }) : [];
  const repair: Repair = { ...context, reference, leaseId: lease.id };
  const present = await listPresent(containerd.content, { signal });
  const { indexes, variants } = await readVariants(containerd.content, target, { present, signal });
  const chosen = variants.filter((variant) => (platform ? isFor(variant, platform) : isBroken(variant)));
  if (platform && chosen.length === 0) throw otherPlatform(nameOrId, platform);
  const fetched: Descriptor[] = [];
  for (const variant of chosen) fetched.push(...(await fetchVariant(engine, variant, present, repair)));
  for (const { digest } of indexes) await keepChildren(engine, digest, repair);
  faultPoint("repair.fetched");
  if (damaged.length > 0) await checkMended(engine, nameOrId, platform, { signal });
  return fetched;
}

interface Repair extends RepairContext {
  readonly reference: Reference;
  readonly leaseId: string;
}

/** A repository that the image came from, or that it is named after. */
function sourceOf({ digests, tags }: CatalogedImage, nameOrId: string): Reference {
  const [source] = [...digests, ...tags];
  if (source !== undefined) return source;
  throw new EngineError("failed-precondition", `image ${nameOrId} has no name that says where to fetch it from`);
}

function isBroken({ content, blobs, missing }: ImageVariant): boolean {
  return content !== undefined && missing.length > 0 && missing.length < blobs.length - 1;
}

/** Takes damaged blobs out of the store, where they would be in the way of good ones. */
async function dropDamaged(
  engine: Repairer,
  image: string,
  platform: Platform | undefined,
  { signal }: { readonly signal: AbortSignal },
): Promise<Descriptor[]> {
  const verified = await verifyImage(engine, { image, platform, content: true }, { signal });
  const damaged = verified.flatMap((variant) => variant.damaged);
  for (const { digest } of damaged) {
    await engine.containerd.content.delete(digest, { signal }).catch((error: unknown) => {
      if (!isEngineError(error, "not-found")) throw error;
    });
  }
  // The namespace has let go of them; their bytes go with a collection, and would be taken for good ones before.
  if (damaged.length > 0) await collectGarbage(engine.containerd, { signal });
  return damaged;
}

/** @throws EngineError `failed-precondition` when the bytes are the damaged ones still. */
async function checkMended(
  engine: Repairer,
  image: string,
  platform: Platform | undefined,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const verified = await verifyImage(engine, { image, platform, content: true }, { signal });
  const [damaged] = verified.flatMap((variant) => variant.damaged);
  if (damaged === undefined) return;
  throw new EngineError("failed-precondition", `${damaged.digest} is damaged still: another namespace holds it, too`, {
    hint: "remove the image there, or repair it from there",
  });
}

async function fetchVariant(
  engine: Repairer,
  { manifest, content }: ImageVariant,
  present: ReadonlySet<string>,
  repair: Repair,
): Promise<Descriptor[]> {
  const fetched: Descriptor[] = [];
  const parsed = content ?? (await fetchManifest(engine, manifest, repair));
  if (content === undefined) fetched.push(manifest);
  const blobs = [parsed.config, ...parsed.layers];
  const missing = [...new Map(blobs.map((blob) => [blob.digest, blob])).values()].filter(
    ({ digest }) => !present.has(digest),
  );
  const limit = limitConcurrency(MAX_DOWNLOADS);
  const { reference, leaseId, onFetched } = repair;
  await runTogether(repair.signal, (signal) =>
    missing.map((descriptor) =>
      limit(async () => {
        const ref = `${descriptor === parsed.config ? "config" : "layer"}-${descriptor.digest}`;
        await fetchBlob(engine, { reference, descriptor, ref, leaseId }, { signal, onBytes: () => undefined });
        faultPoint("repair.blob-fetched");
        onFetched(descriptor);
      }),
    ),
  );
  // It may have lost its labels with what they named.
  const labels = childLabels(blobs);
  await engine.containerd.content.updateLabels(manifest.digest, labels, { leaseId, signal: repair.signal });
  return [...fetched, ...missing];
}

async function fetchManifest(
  { containerd, registry }: Repairer,
  manifest: Descriptor,
  { reference, leaseId, signal, onFetched }: Repair,
): Promise<ImageManifest> {
  const { content: bytes } = await registry.fetchManifest(reference.withDigest(manifest.digest), { signal });
  const parsed = parseManifest(bytes);
  const labels = { ...childLabels([parsed.config, ...parsed.layers]), ...sourceLabel(reference) };
  await containerd.content.writeBlob(manifest, bytes, { labels, leaseId, signal });
  onFetched(manifest);
  return parsed;
}

/** Lets an index keep all its manifests, also one that was let go of before. */
async function keepChildren({ containerd }: Repairer, digest: string, { signal }: Repair): Promise<void> {
  const { manifests } = parseIndex(await containerd.content.readAll(digest, { signal }));
  await containerd.content.updateLabels(digest, childLabels(manifests), { signal });
}

/**
 * Points a name at an index of no more than what is here whole; a single platform needs none. Returns the new target,
 * or undefined when nothing was missing.
 *
 * @throws EngineError `not-found` when there is no such image; `failed-precondition` when nothing of it is whole.
 */
export async function trimImage(
  { containerd }: Pick<Engine, "containerd">,
  nameOrId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<Descriptor | undefined> {
  const image = await findCatalogedImage({ containerd }, nameOrId, { signal });
  const { records, id } = image;
  const target = targetNamed(image, nameOrId);
  const present = await listPresent(containerd.content, { signal });
  const { variants, indexes } = await readVariants(containerd.content, target, { present, signal });
  const whole = variants.filter(({ missing }) => missing.length === 0);
  if (whole.length === variants.length) return undefined;
  const [only, another] = whole.filter(({ isAttestation }) => !isAttestation);
  if (only === undefined) {
    throw new EngineError(
      "failed-precondition",
      `nothing of image ${nameOrId} is whole: there is nothing to trim it to`,
    );
  }
  await using lease = await containerd.leases.create({ expiresInMs: LEASE_TERM_MS, signal });
  const context = { leaseId: lease.id, signal };
  const trimmed =
    another === undefined ? only.manifest : await storeTrimmed({ containerd }, indexes[0] ?? target, whole, context);
  faultPoint("repair.trimmed");
  const named = parseName(nameOrId)?.withDefaultTag().toString();
  const own = records.filter(({ name }) => name === named);
  // An image that is called by its ID is trimmed under all its names.
  for (const { name } of own.length > 0 && !id.includes(nameOrId) ? own : records) {
    // What is named by its digest stays what it is.
    if (parseName(name)?.tag === undefined) continue;
    await containerd.images.update({ name, target: trimmed }, ["target"], { signal });
  }
  return trimmed;
}

async function storeTrimmed(
  { containerd }: Pick<Engine, "containerd">,
  index: Descriptor,
  whole: readonly ImageVariant[],
  context: { readonly leaseId: string; readonly signal: AbortSignal },
): Promise<Descriptor> {
  const manifests = whole.map(({ manifest }) => manifest);
  const mediaType = index.mediaType || MediaType.ociIndex;
  return await storeManifest(containerd.content, mediaType, { schemaVersion: 2, mediaType, manifests }, context);
}
