import type { LayerCodec, LayerCompression } from "../../archive/layer-codec.ts";
import { EngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { type ImageManifest, isLayerType, MediaType } from "../../model/manifest.ts";
import { formatPlatform, type Platform } from "../../model/platform.ts";
import type { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { LEASE_TERM_MS } from "../lease-term.ts";
import { holdContent } from "./hold-content.ts";
import { recordImage } from "./record.ts";
import { findCatalogedImage, targetNamed } from "./resolve.ts";
import { storeManifest } from "./store-image.ts";
import { storeLayer } from "./store-layer.ts";
import { type ImageVariant, isFor, listPresent, nameOfVariant, readVariants } from "./variants.ts";

export interface ConvertRequest {
  /** A reference, an ID or the beginning of one. */
  readonly source: string;
  readonly target: Reference;
  /** The layers' compression; undefined leaves it as it is. */
  readonly compression?: LayerCompression | undefined;
  readonly level?: number | undefined;
  /** Media types of OCI in place of docker's; other ones than gzip have no other. */
  readonly oci: boolean;
  /** Those that are to be kept; none: all that are here whole. */
  readonly platforms: readonly Platform[];
  readonly codec: LayerCodec;
}

export interface ConvertContext {
  readonly signal: AbortSignal;
  /** Called when a layer has been written in its new form. */
  onLayer(from: Descriptor, to: Descriptor): void;
}

type Converter = Pick<Engine, "containerd">;

interface Conversion extends ConvertRequest, ConvertContext {
  readonly leaseId: string;
  /** Layers that platforms share are converted once. */
  readonly converted: Map<string, Descriptor>;
}

const OCI_TYPES: Readonly<Record<string, string>> = {
  [MediaType.dockerIndex]: MediaType.ociIndex,
  [MediaType.dockerManifest]: MediaType.ociManifest,
  [MediaType.dockerConfig]: MediaType.ociConfig,
  [MediaType.dockerLayer]: MediaType.ociLayer,
  [MediaType.dockerLayerGzip]: MediaType.ociLayerGzip,
};

/**
 * Makes an image of another one with its layers compressed otherwise, its media types changed, or with less platforms.
 * The file systems, and therefore the image's ID, stay what they are. Platforms that are not here whole are left out, and
 * so are attestations, which are about the manifests that were. Returns what the target points at.
 *
 * @throws EngineError `not-found` when there is no such image, or a platform that was asked for is not here whole;
 *   `unimplemented` for a compression that this Node lacks.
 */
export async function convertImage(
  engine: Converter,
  request: ConvertRequest,
  context: ConvertContext,
): Promise<Descriptor> {
  const { containerd } = engine;
  const { signal } = context;
  const image = await findCatalogedImage(engine, request.source, { signal });
  await using lease = await containerd.leases.create({ expiresInMs: LEASE_TERM_MS, signal });
  const from = targetNamed(image, request.source);
  await holdContent(containerd, from.digest, { leaseId: lease.id, signal });
  const present = await listPresent(containerd.content, { signal });
  const { indexes, variants } = await readVariants(containerd.content, from, { present, signal });
  const chosen = choose(variants, request);
  const conversion: Conversion = { ...request, ...context, leaseId: lease.id, converted: new Map() };
  const manifests: Descriptor[] = [];
  for (const variant of chosen) manifests.push(await convertVariant(engine, variant, conversion));
  faultPoint("convert.manifests-stored");
  const [only, another] = manifests;
  const indexType = indexes[0]?.mediaType ?? MediaType.ociIndex;
  const mediaType = toOci(request) ? MediaType.ociIndex : indexType;
  const target =
    only !== undefined && another === undefined && (indexes.length === 0 || request.platforms.length > 0)
      ? withoutPlatform(only)
      : await storeManifest(containerd.content, mediaType, { schemaVersion: 2, mediaType, manifests }, conversion);
  await recordImage(engine, { name: request.target.toString(), target }, { signal });
  return target;
}

/** zstd has no media type of docker's. */
function toOci({ oci, compression }: ConvertRequest): boolean {
  return oci || compression === "zstd";
}

function withoutPlatform({ platform: _, ...descriptor }: Descriptor): Descriptor {
  return descriptor;
}

function choose(variants: readonly ImageVariant[], { source, platforms }: ConvertRequest): ImageVariant[] {
  const whole = variants.filter(({ missing, isAttestation }) => missing.length === 0 && !isAttestation);
  for (const platform of platforms) {
    if (whole.some((variant) => isFor(variant, platform))) continue;
    throw new EngineError("not-found", `image ${source} is not here whole for ${formatPlatform(platform)}`, {
      hint: `See 'wharf image verify ${source}'.`,
    });
  }
  const chosen =
    platforms.length === 0 ? whole : whole.filter((variant) => platforms.some((wanted) => isFor(variant, wanted)));
  if (chosen.length > 0) return chosen;
  const names = variants.map(nameOfVariant).join(", ");
  throw new EngineError("not-found", `nothing of image ${source} is here whole (${names})`, {
    hint: `See 'wharf image repair ${source}'.`,
  });
}

async function convertVariant(engine: Converter, variant: ImageVariant, conversion: Conversion): Promise<Descriptor> {
  const { content, manifest } = variant;
  if (content === undefined) throw new EngineError("not-found", `content ${manifest.digest} is missing`);
  const layers: Descriptor[] = [];
  for (const layer of content.layers) layers.push(await convertLayer(engine, layer, conversion));
  const isOci = toOci(conversion);
  const mediaType = isOci ? ociType(manifest.mediaType) : manifest.mediaType;
  const config = isOci ? { ...content.config, mediaType: ociType(content.config.mediaType) } : content.config;
  const converted: ImageManifest = { ...content, mediaType, config, layers };
  const { digest, size } = await storeManifest(engine.containerd.content, mediaType, converted, conversion);
  return { ...manifest, mediaType, digest, size };
}

function ociType(mediaType: string): string {
  return OCI_TYPES[mediaType] ?? mediaType;
}

async function convertLayer(engine: Converter, layer: Descriptor, conversion: Conversion): Promise<Descriptor> {
  const { compression, codec, leaseId, signal, level, converted } = conversion;
  if (!isLayerType(layer.mediaType)) return layer;
  const renamed = toOci(conversion) ? { ...layer, mediaType: ociType(layer.mediaType) } : layer;
  if (compression === undefined || compressionOf(layer.mediaType) === compression) return renamed;
  const known = converted.get(layer.digest);
  if (known) return known;
  const plain = codec.decompress(engine.containerd.content.read(layer.digest, { signal }));
  const { descriptor } = await storeLayer(engine, plain, compression, { codec, level, leaseId, signal });
  faultPoint("convert.layer-stored");
  const isDocker = renamed.mediaType.startsWith("application/vnd.docker.");
  const mediaType = isDocker ? DOCKER_TYPES[compression] : descriptor.mediaType;
  const result = { ...renamed, ...descriptor, mediaType: mediaType ?? descriptor.mediaType };
  converted.set(layer.digest, result);
  conversion.onLayer(layer, result);
  return result;
}

const DOCKER_TYPES: Readonly<Partial<Record<LayerCompression, string>>> = {
  none: MediaType.dockerLayer,
  gzip: MediaType.dockerLayerGzip,
};

function compressionOf(mediaType: string): LayerCompression {
  if (/[.+]gzip$/.test(mediaType)) return "gzip";
  return /[.+]zstd$/.test(mediaType) ? "zstd" : "none";
}
