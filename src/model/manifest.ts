import { EngineError } from "../errors.ts";
import type { Descriptor } from "./descriptor.ts";
import { parseDigest } from "./digest.ts";
import { checkShape, list, mapOf, number, object, optional, parseJson, type Shape, string } from "./json-shape.ts";
import { platformShape } from "./platform.ts";

/** Media types of OCI and of docker; the two families differ in name only. */
export const MediaType = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

const LAYER_PREFIXES = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];

/** An *index* lists the manifests of one image, one a platform. */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A *manifest* lists the config and the layers of an image for one platform. */
export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === MediaType.ociIndex || mediaType === MediaType.dockerIndex;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === MediaType.ociManifest || mediaType === MediaType.dockerManifest;
}

/** True for a file system layer, in whatever compression; not for the attestations that some manifests carry. */
export function isLayerType(mediaType: string): boolean {
  return LAYER_PREFIXES.some((prefix) => mediaType.startsWith(prefix));
}

/** @throws EngineError `invalid-argument` when `content` is no index. */
export function parseIndex(content: Uint8Array): ImageIndex {
  return checkShape(parseJsonObject(content, "index"), indexShape, "malformed image index");
}

/** @throws EngineError `invalid-argument` when `content` is no manifest. */
export function parseManifest(content: Uint8Array): ImageManifest {
  return checkShape(parseJsonObject(content, "manifest"), manifestShape, "malformed image manifest");
}

const size: Shape<number> = (value, path) => {
  const bytes = number(value, path);
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw malformed("descriptor");
  return bytes;
};

/** A descriptor that came from outside; its digest may then be used in names and URLs. */
const descriptor = object({
  mediaType: string,
  digest: (value: unknown, path: string) => parseDigest(string(value, path)),
  size,
  platform: optional(platformShape),
  annotations: optional(mapOf(string)),
  urls: optional(list(string)),
  artifactType: optional(string),
}) satisfies Shape<Descriptor>;

const VERSION = 2;

const schemaVersion: Shape<typeof VERSION> = (value, path) => {
  if (number(value, path) !== VERSION) throw new EngineError("invalid-argument", "unsupported image schema version");
  return VERSION;
};

const common = { schemaVersion, mediaType: optional(string), annotations: optional(mapOf(string)) };
const indexShape = object({ ...common, manifests: list(descriptor) });
const manifestShape = object({ ...common, config: descriptor, layers: list(descriptor) });

/** @throws EngineError `invalid-argument` when `content` is not a JSON object. */
export function parseJsonObject(content: Uint8Array, what: string): Record<string, unknown> {
  const value = parseJson(new TextDecoder().decode(content), `malformed image ${what}`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed(what);
  }
  return value as Record<string, unknown>;
}

function malformed(what: string): EngineError {
  return new EngineError("invalid-argument", `malformed image ${what}`);
}
