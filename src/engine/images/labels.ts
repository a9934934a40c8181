import type { Descriptor } from "../../model/descriptor.ts";
import { isIndexType, isLayerType, isManifestType, MediaType } from "../../model/manifest.ts";
import type { Reference } from "../../model/reference.ts";

/**
 * Labels on content, as containerd's own client sets them. The garbage collector follows the `gc.ref` ones from an
 * index to its manifests, to their configs and layers, and from a config to the snapshot of its image.
 */
const CONTENT_REFERENCE = "containerd.io/gc.ref.content.";
const SNAPSHOT_REFERENCE = "containerd.io/gc.ref.snapshot.";
const SOURCE_PREFIX = "containerd.io/distribution.source.";
/** On a config: the bytes that its image's snapshots take. They never change, and asking for each layer's is slow. */
const UNPACKED_SIZE = "wharf.image.size.";
/** On a compressed layer: its diff ID. */
const UNCOMPRESSED = "containerd.io/uncompressed";

/** containerd refuses a label whose key and value are longer together. */
const MAX_LABEL_LENGTH = 4096;

type Labels = Readonly<Record<string, string>>;

/** What keeps the children of an index or manifest as long as itself: `config`, `l.0`, `l.1`, `m.0` … */
export function childLabels(children: readonly Descriptor[]): Labels {
  const labels: Record<string, string> = {};
  const counts = new Map<string, number>();
  for (const { mediaType, digest } of children) {
    const key = CONTENT_REFERENCE + childKey(mediaType);
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    labels[key.endsWith(".") || count > 0 ? `${key}${count}` : key] = digest;
  }
  return labels;
}

function childKey(mediaType: string): string {
  if (mediaType === MediaType.ociConfig || mediaType === MediaType.dockerConfig) {
    return "config";
  }
  if (isManifestType(mediaType)) {
    return "m.";
  }
  if (isLayerType(mediaType)) {
    return "l.";
  }
  return isIndexType(mediaType) ? "m." : "";
}

/** The config of a manifest with these labels, the manifests of an index with them. */
export function labelledChildren(labels: Labels): {
  readonly config: string | undefined;
  readonly manifests: string[];
} {
  const manifests = Object.keys(labels).filter((key) => key.startsWith(`${CONTENT_REFERENCE}m.`));
  return { config: labels[`${CONTENT_REFERENCE}config`], manifests: manifests.map((key) => labels[key] ?? "") };
}

/** containerd's filter for the manifest of a config. */
export function parentOfConfig(digest: string): string {
  return `labels.${JSON.stringify(`${CONTENT_REFERENCE}config`)}==${JSON.stringify(digest)}`;
}

/** The change to an index's labels that lets go of one of its manifests. */
export function withoutChild(labels: Labels, digest: string): Labels {
  const keys = Object.keys(labels).filter((key) => key.startsWith(CONTENT_REFERENCE) && labels[key] === digest);
  return Object.fromEntries(keys.map((key) => [key, ""]));
}

/** The digests that these labels keep, whatever they are to their owner. */
export function referredContent(labels: Labels): string[] {
  const prefix = CONTENT_REFERENCE.slice(0, -1);
  return Object.keys(labels)
    .filter((key) => key === prefix || key.startsWith(`${prefix}.`) || key.startsWith(`${prefix}/`))
    .map((key) => labels[key] ?? "");
}

/** The snapshots of a snapshotter that these labels keep. */
export function referredSnapshots(labels: Labels, snapshotter: string): string[] {
  const own = SNAPSHOT_REFERENCE + snapshotter;
  return Object.keys(labels)
    .filter((key) => key === own || key.startsWith(`${own}/`))
    .map((key) => labels[key] ?? "");
}

/** What keeps an image's snapshots as long as its config; and, for us, what these take. */
export function snapshotLabels(snapshotter: string, chainId: string, sizeBytes: number): Labels {
  return { [SNAPSHOT_REFERENCE + snapshotter]: chainId, [UNPACKED_SIZE + snapshotter]: String(sizeBytes) };
}

/** The bytes that the snapshots of a config with these labels take, if that was noted. */
export function unpackedSize(labels: Labels, snapshotter: string): number | undefined {
  const size = labels[UNPACKED_SIZE + snapshotter];
  return size === undefined ? undefined : Number(size);
}

/** containerd's filters for the content that says what images are: indexes, manifests, and configs of unpacked images. */
export function imageContentFilters(snapshotter: string): string[] {
  const keys = [`${CONTENT_REFERENCE}config`, `${CONTENT_REFERENCE}m.0`, SNAPSHOT_REFERENCE + snapshotter];
  return keys.map((key) => `labels.${JSON.stringify(key)}`);
}

export function uncompressedLabel(diffId: string): Labels {
  return { [UNCOMPRESSED]: diffId };
}

/** Says where content came from, beside what `existing` labels say: a push to that registry need not send it again. */
export function sourceLabel({ domain, path }: Reference, existing: Labels = {}): Labels {
  const key = sourceKey(domain);
  const repositories = new Set((existing[key] ?? "").split(",").filter(Boolean)).add(path);
  const value = [...repositories].sort().join(",");
  return key.length + value.length > MAX_LABEL_LENGTH ? {} : { [key]: value };
}

/** The change to `existing` that takes the repository away from those that the content came from. */
export function withoutSource({ domain, path }: Reference, existing: Labels): Labels {
  const key = sourceKey(domain);
  const others = (existing[key] ?? "").split(",").filter((repository) => repository !== path);
  return { [key]: others.join(",") };
}

/** True when content with these labels came from the repository of `reference`. */
export function cameFrom(labels: Labels, { domain, path }: Reference): boolean {
  return (labels[sourceKey(domain)] ?? "").split(",").includes(path);
}

/** The repositories of the reference's registry that content with these labels is known to be in. */
export function sourcesOf(labels: Labels, { domain }: Reference): string[] {
  return (labels[sourceKey(domain)] ?? "").split(",").filter(Boolean);
}

/** containerd leaves the port out. */
function sourceKey(domain: string): string {
  return SOURCE_PREFIX + domain.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

/** Those of `wanted` that `existing` lacks. */
export function missingLabels(existing: Labels, wanted: Labels): Labels {
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => existing[key] !== value));
}
