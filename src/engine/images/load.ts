import type { TarEntry } from "../../archive/tar-entry.ts";
import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { digestOf } from "../../model/digest.ts";
import { platformOf } from "../../model/image-config.ts";
import {
  type ImageManifest,
  isIndexType,
  isManifestType,
  MediaType,
  parseIndex,
  parseManifest,
} from "../../model/manifest.ts";
import { matchesPlatform, type Platform } from "../../model/platform.ts";
import { Reference } from "../../model/reference.ts";
import type { Engine, OperationContext } from "../engine.ts";
import { LEASE_TERM_MS } from "../lease-term.ts";
import { type ArchiveContents, type ArchivedBlob, storeArchive } from "./archive-contents.ts";
import {
  blobPath,
  DOCKER_MANIFEST,
  type DockerArchiveImage,
  IMAGE_NAME_ANNOTATION,
  OCI_INDEX,
  REF_NAME_ANNOTATION,
} from "./archive-format.ts";
import { namelessName } from "./catalog.ts";
import { manifestsFor } from "./choose-manifest.ts";
import { parseDockerManifest } from "./docker-manifest.ts";
import { type ImageContent, imageLayers, readImageContent } from "./image-content.ts";
import { childLabels } from "./labels.ts";
import { findRecord, recordImage } from "./record.ts";
import { otherPlatform } from "./resolve.ts";
import { ensureUnpacked } from "./unpack.ts";

export interface LoadRequest {
  readonly archive: AsyncIterable<TarEntry>;
  readonly platform?: Platform | undefined;
}

/** Bytes of a member of the archive that have been read. */
export interface LoadEvent {
  readonly type: "blob";
  /** Its digest where its name says that, else its name. */
  readonly id: string;
  readonly bytes: number;
  readonly total: number;
}

export interface LoadedImage {
  /** The config's digest. */
  readonly id: string;
  /** Absent for an image to which the archive gives no name. */
  readonly reference: Reference | undefined;
  /** The image that had this name before, and another ID. */
  readonly replacedId: string | undefined;
}

/** What an archive says of one image. */
interface ArchivedImage {
  readonly target: Descriptor;
  readonly references: readonly Reference[];
}

type Loader = Pick<Engine, "containerd">;

/** What all steps of one load share. */
interface Load {
  readonly contents: ArchiveContents;
  readonly platform: Platform | undefined;
  readonly leaseId: string;
  readonly signal: AbortSignal;
}

/**
 * Puts the images of an archive, an OCI layout or docker's own kind, into the content store, unpacks and records them.
 * Until then all is held by one lease that expires.
 *
 * @throws EngineError `invalid-argument` for what is no archive of images; `not-found` when it has no image for the
 *   platform; `failed-precondition` when content is not what its digest says.
 */
export async function loadImages(
  engine: Loader,
  { archive, platform }: LoadRequest,
  { signal, onProgress }: OperationContext<LoadEvent>,
): Promise<LoadedImage[]> {
  const { containerd } = engine;
  await using lease = await containerd.leases.create({ expiresInMs: LEASE_TERM_MS, signal });
  faultPoint("load.leased");
  const contents = await storeArchive(containerd.content, archive, {
    leaseId: lease.id,
    signal,
    onBytes: (id, bytes, total) => onProgress({ type: "blob", id, bytes, total }),
  });
  faultPoint("load.content-stored");
  const load: Load = { contents, platform, leaseId: lease.id, signal };
  const loaded: LoadedImage[] = [];
  for (const image of await readImages(engine, load)) loaded.push(...(await recordArchived(engine, image, load)));
  return loaded;
}

async function readImages(engine: Loader, load: Load): Promise<ArchivedImage[]> {
  const index = load.contents.text(OCI_INDEX);
  const manifests = index ? parseIndex(index).manifests : [];
  if (manifests.length > 0) {
    return manifests.map(({ annotations = {}, ...target }) => ({ target, references: annotatedNames(annotations) }));
  }
  const manifest = load.contents.text(DOCKER_MANIFEST);
  if (!manifest) {
    throw new EngineError(
      "invalid-argument",
      `unrecognized image format: the archive has neither ${OCI_INDEX} nor ${DOCKER_MANIFEST}`,
    );
  }
  return await Promise.all(parseDockerManifest(manifest).map((image) => convertDockerImage(engine, image, load)));
}

/** The name that an entry of an index carries. A bare tag, as skopeo writes, is none. */
function annotatedNames(annotations: Readonly<Record<string, string>>): Reference[] {
  const name = annotations[IMAGE_NAME_ANNOTATION] ?? annotations[REF_NAME_ANNOTATION] ?? "";
  return /[:/]/.test(name) ? [Reference.parse(name).withDefaultTag()] : [];
}

/** Makes the manifest that docker's older archives lack, and stores it. */
async function convertDockerImage(
  { containerd }: Loader,
  { Config, RepoTags, Layers }: DockerArchiveImage,
  { contents, leaseId, signal }: Load,
): Promise<ArchivedImage> {
  const config = { mediaType: MediaType.dockerConfig, ...pointTo(findMember(contents, Config)) };
  const layers = Layers.map((name) => findMember(contents, name)).map((blob) => ({
    mediaType: layerType(blob.head),
    ...pointTo(blob),
  }));
  const manifest: ImageManifest = { schemaVersion: 2, mediaType: MediaType.dockerManifest, config, layers };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const target = { mediaType: MediaType.dockerManifest, digest: digestOf(bytes), size: bytes.length };
  const labels = childLabels([config, ...layers]);
  await containerd.content.writeBlob(target, bytes, { labels, leaseId, signal });
  return { target, references: (RepoTags ?? []).map((tag) => Reference.parse(tag).withDefaultTag()) };
}

function findMember(contents: ArchiveContents, name: string): ArchivedBlob {
  const blob = contents.blob(name);
  if (!blob) throw new EngineError("invalid-argument", `the archive lacks ${JSON.stringify(name)}`);
  return blob;
}

function pointTo({ digest, size }: ArchivedBlob): Pick<Descriptor, "digest" | "size"> {
  return { digest, size };
}

/** docker's archives do not say how a layer is compressed; its first bytes do. */
function layerType(head: Uint8Array): string {
  if (head[0] === 0x1f && head[1] === 0x8b) return MediaType.dockerLayerGzip;
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return MediaType.ociLayerZstd;
  return MediaType.dockerLayer;
}

async function recordArchived(
  engine: Loader,
  { target, references }: ArchivedImage,
  load: Load,
): Promise<LoadedImage[]> {
  const { containerd } = engine;
  const { signal } = load;
  await labelTree(engine, target, load);
  faultPoint("load.tree-labelled");
  const content = await contentFor(engine, { target, references }, load);
  imageLayers(content.manifestContent, content.config);
  await ensureUnpacked(engine, content, { signal });
  faultPoint("load.unpacked");
  const id = content.configDigest;
  if (references.length === 0) {
    if ((await containerd.images.list([`target.digest==${target.digest}`], { signal })).length === 0) {
      await containerd.images.upsert({ name: namelessName(target.digest), target }, { signal });
    }
    return [{ id, reference: undefined, replacedId: undefined }];
  }
  const loaded: LoadedImage[] = [];
  for (const reference of references) {
    const replacedId = await idOf(engine, reference, load);
    await recordImage(engine, { name: reference.toString(), target }, { signal });
    loaded.push({ id, reference, replacedId: replacedId === id ? undefined : replacedId });
  }
  return loaded;
}

/** @throws EngineError `not-found` when the image is not made for the platform that is asked for. */
async function contentFor(
  { containerd }: Loader,
  { target, references: [reference] }: ArchivedImage,
  { platform, signal }: Load,
): Promise<ImageContent> {
  const name = reference?.familiar() ?? target.digest;
  try {
    const content = await readImageContent(containerd.content, target, { platform, signal });
    if (!platform || matchesPlatform(platform, platformOf(content.config))) return content;
  } catch (error) {
    if (!platform || !isEngineError(error, "not-found")) throw error;
  }
  throw otherPlatform(name, platform);
}

/** The ID of the image that a name stands for until now. */
async function idOf({ containerd }: Loader, reference: Reference, { signal }: Load): Promise<string | undefined> {
  const record = await findRecord({ containerd }, reference.toString(), { signal });
  if (!record) return undefined;
  try {
    return (await readImageContent(containerd.content, record.target, { signal })).configDigest;
  } catch (error) {
    if (isEngineError(error, "not-found")) return undefined;
    throw error;
  }
}

/**
 * Labels indexes and manifests with their children, so that these live as long. Where one platform is asked for, what is
 * there of others is not kept.
 */
async function labelTree({ containerd }: Loader, target: Descriptor, load: Load): Promise<void> {
  const { mediaType, digest } = target;
  if (!isIndexType(mediaType) && !isManifestType(mediaType)) return;
  if (!load.contents.blob(blobPath(digest))) return;
  const bytes = await containerd.content.readAll(digest, { signal: load.signal });
  const children = isIndexType(mediaType) ? indexChildren(bytes, load) : manifestChildren(bytes);
  await containerd.content.updateLabels(digest, childLabels(children), { signal: load.signal });
  for (const child of children) await labelTree({ containerd }, child, load);
}

function indexChildren(bytes: Uint8Array, { platform }: Load): readonly Descriptor[] {
  const { manifests } = parseIndex(bytes);
  return platform ? manifestsFor(manifests, platform) : manifests;
}

function manifestChildren(bytes: Uint8Array): Descriptor[] {
  const { config, layers } = parseManifest(bytes);
  return [config, ...layers];
}
