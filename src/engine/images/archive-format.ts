/**
 * The names that image archives are made of. An OCI layout has `oci-layout`, `index.json` and blobs by digest; docker's
 * archive has `manifest.json`, which names a config and layers. docker writes both into one archive since version 25,
 * and so do we.
 */
export const OCI_LAYOUT = "oci-layout";
export const OCI_INDEX = "index.json";
export const DOCKER_MANIFEST = "manifest.json";
export const DOCKER_REPOSITORIES = "repositories";
export const OCI_LAYOUT_CONTENT = '{"imageLayoutVersion": "1.0.0"}';

/** Annotations of an index entry: the image's whole name, and its tag (or with podman its whole name, too). */
export const IMAGE_NAME_ANNOTATION = "io.containerd.image.name";
export const REF_NAME_ANNOTATION = "org.opencontainers.image.ref.name";

/** One image in docker's `manifest.json`. */
export interface DockerArchiveImage {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
}

/** Where a layout keeps the blob of a digest. */
export function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** The digest of the blob at a path of a layout; undefined for other paths. */
export function digestAtPath(path: string): string | undefined {
  const [, algorithm, hex] = /^blobs\/([a-z0-9]+)\/([a-f0-9]+)$/.exec(path) ?? [];
  return algorithm && hex ? `${algorithm}:${hex}` : undefined;
}
