import { EngineError } from "../../errors.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { type ImageConfig, parseImageConfig, platformOf } from "../../model/image-config.ts";
import { type ImageManifest, isIndexType, isManifestType, parseIndex, parseManifest } from "../../model/manifest.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../../model/platform.ts";
import type { Engine } from "../engine.ts";

/** One entry of an image: what it is on one platform, or something that belongs to one, such as an attestation. */
export interface ImageVariant {
  readonly manifest: Descriptor;
  /** Of the index that names it, or its config; undefined for what is made for none. */
  readonly platform: Platform | undefined;
  /** Undefined while the manifest itself is not here. */
  readonly content: ImageManifest | undefined;
  /** Undefined while the config is not here, or is none of a container image. */
  readonly config: ImageConfig | undefined;
  /** Manifest, config and layers, as far as they are known. */
  readonly blobs: readonly Descriptor[];
  /** Those of `blobs` that the content store lacks. Empty: the variant is whole. */
  readonly missing: readonly Descriptor[];
  /** Not to be run: it tells how another entry was built. */
  readonly isAttestation: boolean;
}

export interface ImageVariants {
  /** The indexes on the way to the manifests; the target first. None for an image of one platform without an index. */
  readonly indexes: readonly Descriptor[];
  readonly variants: readonly ImageVariant[];
}

interface ReadOptions {
  /** The digests of all blobs that are here. */
  readonly present: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

type Content = Engine["containerd"]["content"];

const ATTESTATION = "attestation-manifest";
const REFERENCE_TYPE = "vnd.docker.reference.type";
/** Nobody nests indexes; whoever does it without end is not followed. */
const MAX_DEPTH = 8;

/** The digests of all blobs of the namespace. */
export async function listPresent(content: Content, options: { readonly signal: AbortSignal }): Promise<Set<string>> {
  return new Set((await content.list([], options)).map(({ digest }) => digest));
}

/**
 * Reads all that `target` is made of, on all platforms, and says of each what is missing here.
 *
 * @throws EngineError `not-found` when the target itself is missing; `failed-precondition` when it is no image.
 */
export async function readVariants(content: Content, target: Descriptor, options: ReadOptions): Promise<ImageVariants> {
  if (!isIndexType(target.mediaType)) {
    if (!isManifestType(target.mediaType)) {
      throw new EngineError("failed-precondition", `unsupported manifest media type: ${target.mediaType}`);
    }
    return { indexes: [], variants: [await readVariant(content, target, options)] };
  }
  const indexes: Descriptor[] = [];
  const variants: ImageVariant[] = [];
  await walk(target, 0);
  return { indexes, variants };

  async function walk(index: Descriptor, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) throw new EngineError("failed-precondition", `${index.digest}: too many nested indexes`);
    const { manifests } = parseIndex(await content.readAll(index.digest, options));
    indexes.push(index);
    for (const descriptor of manifests) {
      if (isManifestType(descriptor.mediaType)) variants.push(await readVariant(content, descriptor, options));
      // An index within one that is not here says nothing of what it holds.
      else if (isIndexType(descriptor.mediaType) && options.present.has(descriptor.digest)) {
        await walk(descriptor, depth + 1);
      }
    }
  }
}

async function readVariant(
  content: Content,
  manifest: Descriptor,
  { present, signal }: ReadOptions,
): Promise<ImageVariant> {
  const isAttestation = manifest.annotations?.[REFERENCE_TYPE] === ATTESTATION;
  const { platform } = manifest;
  if (!present.has(manifest.digest)) {
    const blobs = [manifest];
    return { manifest, platform, content: undefined, config: undefined, blobs, missing: blobs, isAttestation };
  }
  const parsed = parseManifest(await content.readAll(manifest.digest, { signal }));
  const blobs = [manifest, parsed.config, ...parsed.layers];
  const missing = blobs.filter(({ digest }) => !present.has(digest));
  const config = missing.includes(parsed.config)
    ? undefined
    : readConfig(await content.readAll(parsed.config.digest, { signal }));
  const shown = platform ?? (config && platformOf(config));
  return { manifest, platform: shown, content: parsed, config, blobs, missing, isAttestation };
}

/** Artifacts have configs of their own kinds. */
function readConfig(bytes: Uint8Array): ImageConfig | undefined {
  try {
    return parseImageConfig(bytes);
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

/** True for a variant of the platform that a person asked for. */
export function isFor({ platform, isAttestation }: ImageVariant, wanted: Platform): boolean {
  return !isAttestation && platform !== undefined && matchesPlatform(wanted, platform);
}

/** How a variant is called: by its platform, or by its digest where it has none. */
export function nameOfVariant({ platform, manifest }: ImageVariant): string {
  return platform === undefined ? manifest.digest : formatPlatform(platform);
}
