import type { ImageRecord } from "../../containerd/images.ts";
import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { type ImageConfig, parseImageConfig, platformOf } from "../../model/image-config.ts";
import {
  type ImageManifest,
  isIndexType,
  isLayerType,
  isManifestType,
  parseIndex,
  parseManifest,
} from "../../model/manifest.ts";
import { formatPlatform, type Platform } from "../../model/platform.ts";
import type { Reference } from "../../model/reference.ts";
import type { Engine, OperationContext } from "../engine.ts";
import { LEASE_TERM_MS } from "../lease-term.ts";
import { manifestsFor } from "./choose-manifest.ts";
import { limitConcurrency, runTogether } from "./concurrency.ts";
import { type FetchBlobRequest, fetchBlob } from "./fetch-blob.ts";
import { type ImageLayer, imageLayers } from "./image-content.ts";
import { childLabels, sourceLabel } from "./labels.ts";
import { forgetPartialPull, keepPartialPull } from "./partial-pull.ts";
import { recordImage } from "./record.ts";
import { Turns } from "./turns.ts";
import { isUnpacked, referToSnapshot, unpackLayer } from "./unpack.ts";

export interface PullRequest {
  readonly reference: Reference;
  readonly platform: Platform;
  /** Fetch what an index has for other platforms, too; only this one's image is unpacked. */
  readonly allPlatforms?: boolean;
  /** False to leave the image as it came: it is unpacked when it is first used. */
  readonly unpack?: boolean;
}

/**
 * What becomes of one layer, in this order; `exists` takes the place of all others. One that is not to be unpacked ends
 * as `downloaded`.
 */
export type LayerState = "waiting" | "downloading" | "downloaded" | "unpacking" | "unpacked" | "exists";

export type PullEvent =
  | { readonly type: "resolved"; readonly target: Descriptor }
  | { readonly type: "layers"; readonly layers: readonly Descriptor[] }
  | { readonly type: "layer"; readonly digest: string; readonly state: Exclude<LayerState, "downloading"> }
  | { readonly type: "layer"; readonly digest: string; readonly state: "downloading"; readonly bytes: number };

export interface PulledImage {
  readonly record: ImageRecord;
  /**
   * What it is made for: a registry without an index may give another platform than was asked for. Undefined where all
   * platforms were fetched, and the one asked for is not among them.
   */
  readonly platform: Platform | undefined;
  /** False when the reference pointed at the same image before. */
  readonly isNew: boolean;
}

/** As many layers at a time as docker downloads. */
const MAX_DOWNLOADS = 3;

type Puller = Pick<Engine, "containerd" | "registry">;

/** What all steps of one pull share. */
interface Pull extends PullRequest {
  readonly leaseId: string;
  readonly signal: AbortSignal;
  onProgress(event: PullEvent): void;
}

/**
 * Fetches an image into the content store, unpacks it and records it under its reference. Layers are downloaded side
 * by side, and unpacked one upon the other while those above still arrive. Until the record refers to it all is held
 * by one lease that expires, so an interrupted pull leaves what the next one resumes, or what containerd collects.
 *
 * @throws EngineError `not-found`, `permission-denied` or `unavailable` by the registry; `not-found` when the image is
 *   not made for the platform; `failed-precondition` when content is not what its digest says.
 */
export async function pullImage(
  engine: Puller,
  request: PullRequest,
  { signal, onProgress }: OperationContext<PullEvent>,
): Promise<PulledImage> {
  const { containerd, registry } = engine;
  const { reference } = request;
  const target = await registry.resolve(reference, { signal });
  onProgress({ type: "resolved", target });
  faultPoint("pull.resolved");
  await using lease = await containerd.leases.create({ expiresInMs: LEASE_TERM_MS, signal });
  faultPoint("pull.leased");
  const pull: Pull = { ...request, leaseId: lease.id, signal, onProgress };
  try {
    const { image: manifest, others } = await fetchManifests(engine, target, pull);
    faultPoint("pull.manifest-stored");
    const config = manifest && (await fetchConfig(engine, manifest, pull));
    faultPoint("pull.config-stored");
    await fetchLayers(engine, manifest && config && { manifest, config }, others, pull);
    faultPoint("pull.layers-unpacked");
    const recorded = await recordImage(engine, { name: reference.toString(), target }, { signal });
    faultPoint("pull.recorded");
    await forgetPartialPull(engine, target, { signal });
    return { ...recorded, platform: config && platformOf(config) };
  } catch (error) {
    if (signal.aborted || isEngineError(error, "unavailable")) await keepPartialPull(engine, target, lease);
    throw error;
  }
}

/** The manifest of the platform, and where all are wanted those of the others. */
interface FetchedManifests {
  readonly image: ImageManifest | undefined;
  readonly others: readonly ImageManifest[];
}

/** Follows `target` to the manifest of the platform, keeping each index on the way. */
async function fetchManifests(engine: Puller, target: Descriptor, pull: Pull): Promise<FetchedManifests> {
  const content = await fetchManifestContent(engine, target, pull);
  if (isManifestType(target.mediaType)) {
    const manifest = parseManifest(content.bytes);
    await keepManifest(engine, target, content, [manifest.config, ...manifest.layers], pull);
    return { image: manifest, others: [] };
  }
  if (!isIndexType(target.mediaType)) {
    throw new EngineError("failed-precondition", `unsupported manifest media type: ${target.mediaType}`);
  }
  const { manifests } = parseIndex(content.bytes);
  await keepManifest(engine, target, content, manifests, pull);
  const [chosen] = manifestsFor(manifests, pull.platform);
  const others = pull.allPlatforms ? await fetchOthers(engine, manifests, chosen, pull) : [];
  if (chosen) {
    const found = await fetchManifests(engine, chosen, pull);
    return { image: found.image, others: [...found.others, ...others] };
  }
  if (!pull.allPlatforms) {
    throw new EngineError(
      "not-found",
      `no matching manifest for ${formatPlatform(pull.platform)} in the manifest list entries`,
    );
  }
  return { image: undefined, others };
}

/** All that an index has beside the platform's own, one after the other: there are few, and they are small. */
async function fetchOthers(
  engine: Puller,
  manifests: readonly Descriptor[],
  chosen: Descriptor | undefined,
  pull: Pull,
): Promise<ImageManifest[]> {
  const found: ImageManifest[] = [];
  for (const descriptor of manifests) {
    const isKnown = isManifestType(descriptor.mediaType) || isIndexType(descriptor.mediaType);
    if (descriptor === chosen || !isKnown) continue;
    const { image, others } = await fetchManifests(engine, descriptor, pull);
    found.push(...(image ? [image] : []), ...others);
  }
  return found;
}

/** An index or manifest, and the labels that it has here. */
interface ManifestContent {
  readonly bytes: Uint8Array;
  readonly labels: Readonly<Record<string, string>>;
}

async function fetchManifestContent(
  { containerd, registry }: Puller,
  { digest }: Descriptor,
  { reference, signal }: Pull,
): Promise<ManifestContent> {
  try {
    const [bytes, { labels }] = await Promise.all([
      containerd.content.readAll(digest, { signal }),
      containerd.content.info(digest, { signal }),
    ]);
    return { bytes, labels };
  } catch (error) {
    if (!isEngineError(error, "not-found")) {
      throw error;
    }
  }
  const { content: bytes } = await registry.fetchManifest(reference.withDigest(digest), { signal });
  return { bytes, labels: {} };
}

async function keepManifest(
  { containerd }: Puller,
  descriptor: Descriptor,
  content: ManifestContent,
  children: readonly Descriptor[],
  { reference, leaseId, signal }: Pull,
): Promise<void> {
  const labels = { ...childLabels(children), ...sourceLabel(reference, content.labels) };
  await containerd.content.writeBlob(descriptor, content.bytes, { labels, leaseId, signal });
}

async function fetchConfig(
  engine: Puller,
  { config: descriptor }: ImageManifest,
  { reference, leaseId, signal }: Pull,
): Promise<ImageConfig> {
  const request = { reference, descriptor, ref: `config-${descriptor.digest}`, leaseId };
  await fetchBlob(engine, request, { signal, onBytes: () => {} });
  return parseImageConfig(await engine.containerd.content.readAll(descriptor.digest, { signal }));
}

/** The image of the platform, as it is to be unpacked. */
interface PlatformImage {
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
}

async function fetchLayers(
  engine: Puller,
  image: PlatformImage | undefined,
  others: readonly ImageManifest[],
  pull: Pull,
): Promise<void> {
  const layers = image && pull.unpack !== false ? imageLayers(image.manifest, image.config) : [];
  const kept = image && pull.unpack === false ? [...others, image.manifest] : others;
  const contents = contentOf(kept, layers).filter(({ digest }) => digest !== image?.manifest.config.digest);
  const steps: readonly LayerStep[] = await Promise.all([
    ...layers.map(async (layer) => ({ ...layer, isPresent: await isUnpacked(engine, layer.chainId, pull) })),
    ...contents.map(async (descriptor) => ({ descriptor, isPresent: await isStored(engine, descriptor, pull) })),
  ]);
  announceLayers(steps, pull);
  const limit = limitConcurrency(MAX_DOWNLOADS);
  // The lowest layer goes first where containerd takes them more slowly than the network brings them: the sooner that one
  // is there, the sooner unpacking begins, which has to go from the bottom upwards.
  const turns = new Turns();
  await runTogether(pull.signal, (signal) => {
    const downloads = steps.map((step, rank) =>
      limit(() => downloadLayer(engine, { ...step, rank, turns }, { ...pull, signal })),
    );
    return [...downloads, unpackInOrder(engine, layers, steps, downloads, { ...pull, signal })];
  });
  if (image === undefined || pull.unpack === false) return;
  const { manifest, config } = image;
  const chainId = layers.at(-1)?.chainId ?? "";
  const content = { configDigest: manifest.config.digest, chainId, config, manifestContent: manifest };
  await referToSnapshot(engine, content, pull);
}

/** What belongs to manifests beside these layers, each once: their configs, and the layers that nobody unpacks. */
function contentOf(manifests: readonly ImageManifest[], layers: readonly ImageLayer[]): Descriptor[] {
  const seen = new Set(layers.map(({ descriptor }) => descriptor.digest));
  const found: Descriptor[] = [];
  for (const descriptor of manifests.flatMap(({ config, layers: own }) => [config, ...own])) {
    if (seen.has(descriptor.digest)) continue;
    seen.add(descriptor.digest);
    found.push(descriptor);
  }
  return found;
}

async function isStored({ containerd }: Puller, { digest }: Descriptor, { signal }: Pull): Promise<boolean> {
  try {
    await containerd.content.info(digest, { signal });
    return true;
  } catch (error) {
    if (isEngineError(error, "not-found")) return false;
    throw error;
  }
}

/** What is downloaded, and whether it was there before: as a snapshot, though its content may be missing, or as content. */
interface LayerStep {
  readonly descriptor: Descriptor;
  readonly isPresent: boolean;
}

/** Says nothing when all of the image is here, as docker does. */
function announceLayers(steps: readonly LayerStep[], { onProgress }: Pull): void {
  if (steps.every((step) => step.isPresent)) return;
  onProgress({ type: "layers", layers: steps.map(({ descriptor }) => descriptor) });
  for (const { descriptor, isPresent } of steps) {
    onProgress({ type: "layer", digest: descriptor.digest, state: isPresent ? "exists" : "waiting" });
  }
}

interface Download extends LayerStep, Required<Pick<FetchBlobRequest, "turns" | "rank">> {}

async function downloadLayer(engine: Puller, download: Download, pull: Pull): Promise<void> {
  const { descriptor, isPresent, turns, rank } = download;
  const { digest } = descriptor;
  const onProgress = isPresent ? () => undefined : pull.onProgress.bind(pull);
  const ref = `${isLayerType(descriptor.mediaType) ? "layer" : "config"}-${digest}`;
  const request = { reference: pull.reference, descriptor, ref, leaseId: pull.leaseId, turns, rank };
  await fetchBlob(engine, request, {
    signal: pull.signal,
    onBytes: (bytes) => onProgress({ type: "layer", digest, state: "downloading", bytes }),
  });
  onProgress({ type: "layer", digest, state: "downloaded" });
}

/** Unpacks each layer when it and those below it are there. The layers are the first of the steps. */
async function unpackInOrder(
  engine: Puller,
  layers: readonly ImageLayer[],
  steps: readonly LayerStep[],
  downloads: readonly Promise<void>[],
  pull: Pull,
): Promise<void> {
  for (const [index, layer] of layers.entries()) {
    await downloads[index];
    const { digest } = layer.descriptor;
    const isPresent = steps[index]?.isPresent ?? false;
    if (!isPresent) pull.onProgress({ type: "layer", digest, state: "unpacking" });
    await unpackLayer(engine, layer, pull);
    if (!isPresent) pull.onProgress({ type: "layer", digest, state: "unpacked" });
  }
}
