import type { ImageRecord } from "../../containerd/images.ts";
import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { type ImageConfig, parseImageConfig, platformOf } from "../../model/image-config.ts";
import { type ImageManifest, isIndexType, isManifestType, parseIndex, parseManifest } from "../../model/manifest.ts";
import { formatPlatform, type Platform } from "../../model/platform.ts";
import type { Reference } from "../../model/reference.ts";
import type { Engine, OperationContext } from "../engine.ts";
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
}

/** What becomes of one layer, in this order; `exists` takes the place of all others. */
export type LayerState = "waiting" | "downloading" | "downloaded" | "unpacking" | "unpacked" | "exists";

export type PullEvent =
  | { readonly type: "resolved"; readonly target: Descriptor }
  | { readonly type: "layers"; readonly layers: readonly Descriptor[] }
  | { readonly type: "layer"; readonly digest: string; readonly state: Exclude<LayerState, "downloading"> }
  | { readonly type: "layer"; readonly digest: string; readonly state: "downloading"; readonly bytes: number };

export interface PulledImage {
  readonly record: ImageRecord;
  /** What it is made for: a registry without an index may give another platform than was asked for. */
  readonly platform: Platform;
  /** False when the reference pointed at the same image before. */
  readonly isNew: boolean;
}

/** As many layers at a time as docker downloads. */
const MAX_DOWNLOADS = 3;
/** Of a lease whose owner was killed; by the time of day, which may be set by a day while the owner is at it. */
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

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
  { reference, platform }: PullRequest,
  { signal, onProgress }: OperationContext<PullEvent>,
): Promise<PulledImage> {
  const { containerd, registry } = engine;
  const target = await registry.resolve(reference, { signal });
  onProgress({ type: "resolved", target });
  faultPoint("pull.resolved");
  await using lease = await containerd.leases.create({ expiresInMs: WEEK_MS, signal });
  faultPoint("pull.leased");
  const pull: Pull = { reference, platform, leaseId: lease.id, signal, onProgress };
  try {
    const manifest = await fetchImageManifest(engine, target, pull);
    faultPoint("pull.manifest-stored");
    const config = await fetchConfig(engine, manifest, pull);
    faultPoint("pull.config-stored");
    await fetchLayers(engine, manifest, config, pull);
    faultPoint("pull.layers-unpacked");
    const recorded = await recordImage(engine, { name: reference.toString(), target }, { signal });
    faultPoint("pull.recorded");
    await forgetPartialPull(engine, target, { signal });
    return { ...recorded, platform: platformOf(config) };
  } catch (error) {
    if (signal.aborted || isEngineError(error, "unavailable")) await keepPartialPull(engine, target, lease);
    throw error;
  }
}

/** Follows `target` to the manifest of the platform, keeping each index on the way. */
async function fetchImageManifest(engine: Puller, target: Descriptor, pull: Pull): Promise<ImageManifest> {
  const content = await fetchManifestContent(engine, target, pull);
  if (isManifestType(target.mediaType)) {
    const manifest = parseManifest(content.bytes);
    await keepManifest(engine, target, content, [manifest.config, ...manifest.layers], pull);
    return manifest;
  }
  if (!isIndexType(target.mediaType)) {
    throw new EngineError("failed-precondition", `unsupported manifest media type: ${target.mediaType}`);
  }
  const { manifests } = parseIndex(content.bytes);
  await keepManifest(engine, target, content, manifests, pull);
  const [chosen] = manifestsFor(manifests, pull.platform);
  if (!chosen) {
    throw new EngineError(
      "not-found",
      `no matching manifest for ${formatPlatform(pull.platform)} in the manifest list entries`,
    );
  }
  return await fetchImageManifest(engine, chosen, pull);
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

async function fetchLayers(engine: Puller, manifest: ImageManifest, config: ImageConfig, pull: Pull): Promise<void> {
  const layers = imageLayers(manifest, config);
  const present = await Promise.all(layers.map(({ chainId }) => isUnpacked(engine, chainId, pull)));
  const steps = layers.map((layer, index) => ({ ...layer, isUnpacked: present[index] ?? false }));
  announceLayers(steps, pull);
  const limit = limitConcurrency(MAX_DOWNLOADS);
  // The lowest layer goes first where containerd takes them more slowly than the network brings them: the sooner that one
  // is there, the sooner unpacking begins, which has to go from the bottom upwards.
  const turns = new Turns();
  await runTogether(pull.signal, (signal) => {
    const downloads = steps.map((step, rank) =>
      limit(() => downloadLayer(engine, { ...step, rank, turns }, { ...pull, signal })),
    );
    return [...downloads, unpackInOrder(engine, steps, downloads, { ...pull, signal })];
  });
  const chainId = layers.at(-1)?.chainId ?? "";
  const image = { configDigest: manifest.config.digest, chainId, config, manifestContent: manifest };
  await referToSnapshot(engine, image, pull);
}

/** A layer, and whether its snapshot was there before; its content may be missing all the same. */
interface LayerStep extends ImageLayer {
  readonly isUnpacked: boolean;
}

/** Says nothing when all of the image is here, as docker does. */
function announceLayers(steps: readonly LayerStep[], { onProgress }: Pull): void {
  if (steps.every((step) => step.isUnpacked)) return;
  onProgress({ type: "layers", layers: steps.map(({ descriptor }) => descriptor) });
  for (const { descriptor, isUnpacked } of steps) {
    onProgress({ type: "layer", digest: descriptor.digest, state: isUnpacked ? "exists" : "waiting" });
  }
}

interface Download extends LayerStep, Required<Pick<FetchBlobRequest, "turns" | "rank">> {}

async function downloadLayer(engine: Puller, download: Download, pull: Pull): Promise<void> {
  const { descriptor, isUnpacked, turns, rank } = download;
  const { digest } = descriptor;
  const onProgress = isUnpacked ? () => undefined : pull.onProgress.bind(pull);
  const request = { reference: pull.reference, descriptor, ref: `layer-${digest}`, leaseId: pull.leaseId, turns, rank };
  await fetchBlob(engine, request, {
    signal: pull.signal,
    onBytes: (bytes) => onProgress({ type: "layer", digest, state: "downloading", bytes }),
  });
  onProgress({ type: "layer", digest, state: "downloaded" });
}

/** Unpacks each layer when it and those below it are there. */
async function unpackInOrder(
  engine: Puller,
  steps: readonly LayerStep[],
  downloads: readonly Promise<void>[],
  pull: Pull,
): Promise<void> {
  for (const [index, step] of steps.entries()) {
    await downloads[index];
    const { digest } = step.descriptor;
    if (!step.isUnpacked) pull.onProgress({ type: "layer", digest, state: "unpacking" });
    await unpackLayer(engine, step, pull);
    if (!step.isUnpacked) pull.onProgress({ type: "layer", digest, state: "unpacked" });
  }
}
