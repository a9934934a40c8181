import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import type { Containerd } from "../../src/containerd/client.ts";
import { chainId } from "../../src/model/chain-id.ts";
import type { Descriptor } from "../../src/model/descriptor.ts";
import type { ImageRunConfig } from "../../src/model/image-config.ts";
import type { Platform } from "../../src/model/platform.ts";
import { runProgram } from "./program.ts";

/** An image as blobs by digest; ready for a registry, an archive or containerd. */
export interface TestImage {
  /** The manifest, or the index of an image of several platforms. */
  readonly target: Descriptor;
  /** All manifests and indexes, the target last. */
  readonly manifests: readonly { readonly descriptor: Descriptor; readonly bytes: Buffer }[];
  /** Configs and layers. */
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** Of the first platform's image. */
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly string[];
}

/** One entry of a layer, by its path. A path that ends in `/` is a directory. */
export type LayerEntry =
  | string
  | Buffer
  | { readonly content?: string | Buffer; readonly mode?: number; readonly uid?: number; readonly gid?: number }
  | { readonly symlink: string }
  | { readonly special: "fifo" };

export interface LayerRequest {
  readonly entries: Readonly<Record<string, LayerEntry>>;
  readonly compression?: "gzip" | "zstd" | "none";
}

export interface ImageRequest {
  readonly layers: readonly LayerRequest[];
  readonly config?: ImageRunConfig;
  readonly platform?: Platform;
  /** Media types of OCI (the default) or of docker's schema 2. */
  readonly mediaTypes?: "oci" | "docker";
}

const MEDIA_TYPES = {
  oci: {
    index: "application/vnd.oci.image.index.v1+json",
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    none: "application/vnd.oci.image.layer.v1.tar",
    gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
    zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  },
  docker: {
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    none: "application/vnd.docker.image.rootfs.diff.tar",
    gzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    zstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
  },
} as const;

/** Everything has this time, so that an image's digest depends on its content alone. */
const CREATED = new Date("2026-01-01T00:00:00Z");
const PATH_VARIABLE = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export const HOST_PLATFORM: Platform = {
  os: "linux",
  architecture: process.arch === "x64" ? "amd64" : process.arch,
};

/** Builds an image of one platform. */
export async function buildImage(request: ImageRequest): Promise<TestImage> {
  const types = MEDIA_TYPES[request.mediaTypes ?? "oci"];
  const platform = request.platform ?? HOST_PLATFORM;
  const blobs = new Map<string, Buffer>();
  const layers: Descriptor[] = [];
  const diffIds: string[] = [];
  for (const { entries, compression = "gzip" } of request.layers) {
    const tar = await packLayer(entries);
    diffIds.push(digestOf(tar));
    const bytes = compression === "gzip" ? gzipSync(tar, { level: 1 }) : compression === "zstd" ? zstdFrame(tar) : tar;
    layers.push(add(blobs, types[compression], bytes));
  }
  const config = add(
    blobs,
    types.config,
    json({
      created: CREATED.toISOString(),
      ...platform,
      config: { Env: [PATH_VARIABLE], Cmd: ["sh"], ...request.config },
      rootfs: { type: "layers", diff_ids: diffIds },
      history: diffIds.map((_, index) => ({ created: CREATED.toISOString(), created_by: `layer ${index}` })),
    }),
  );
  const bytes = json({ schemaVersion: 2, mediaType: types.manifest, config, layers });
  const target = { ...descriptorOf(types.manifest, bytes), platform };
  return { target, manifests: [{ descriptor: target, bytes }], blobs, config, layers, diffIds };
}

/** Joins images of single platforms to one image of all of them. */
export async function buildIndex(
  images: readonly TestImage[],
  mediaTypes: "oci" | "docker" = "oci",
): Promise<TestImage> {
  const [first] = images;
  if (!first) throw new Error("an index needs an image");
  const mediaType = MEDIA_TYPES[mediaTypes].index;
  const bytes = json({ schemaVersion: 2, mediaType, manifests: images.map(({ target }) => target) });
  const target = descriptorOf(mediaType, bytes);
  return {
    ...first,
    target,
    manifests: [...images.flatMap(({ manifests }) => manifests), { descriptor: target, bytes }],
    blobs: new Map(images.flatMap(({ blobs }) => [...blobs])),
  };
}

/**
 * An image with what people expect of `busybox`: its applets, users and groups, a world-writable /tmp. Made of the
 * static busybox of the machine. `layers` come on top of it.
 */
export async function busyboxImage(
  request: Partial<ImageRequest> & { readonly compression?: LayerRequest["compression"] } = {},
): Promise<TestImage> {
  const { compression = "gzip" } = request;
  const base: LayerRequest = { entries: await busyboxEntries(), compression };
  return await buildImage({ ...request, layers: [base, ...(request.layers ?? [])] });
}

async function busyboxEntries(): Promise<Record<string, LayerEntry>> {
  const program = await readFile("/bin/busybox");
  const { stdout } = await runProgram("/bin/busybox", ["--list"]);
  const applets = stdout.split("\n").filter((name) => name && name !== "busybox");
  return {
    "bin/": {},
    "bin/busybox": { content: program, mode: 0o755 },
    ...Object.fromEntries(applets.map((name) => [`bin/${name}`, { symlink: "busybox" }])),
    "dev/": {},
    "etc/": {},
    "etc/passwd": PASSWD,
    "etc/group": GROUP,
    "etc/shadow": { content: "root:*:::::::\n", mode: 0o640 },
    "home/": { uid: 65534, gid: 65534 },
    "root/": { mode: 0o700 },
    "tmp/": { mode: 0o1777 },
    "usr/": {},
    "usr/bin/": {},
    "usr/bin/env": { symlink: "../../bin/env" },
    "usr/sbin/": { uid: 1, gid: 1 },
    "var/": {},
    "var/spool/": {},
    "var/spool/mail/": { uid: 8, gid: 8 },
    "var/www/": {},
  };
}

const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
sync:x:4:100:sync:/bin:/bin/sync
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`;

const GROUP = `root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
wheel:x:10:root
mail:x:8:
www-data:x:33:
operator:x:37:
users:x:100:
nobody:x:65534:
`;

/** A layer that does not compress, for tests of size and speed. */
export function randomLayer(sizeBytes: number, path = "data"): LayerRequest {
  return { entries: { [path]: randomBytes(sizeBytes) } };
}

/** Writes the image as an archive that `load` takes: an OCI layout in a tar. */
export async function ociArchive(image: TestImage, references: readonly string[]): Promise<Buffer> {
  return await packLayer(archiveEntries(image, references));
}

function archiveEntries(image: TestImage, references: readonly string[]): Record<string, LayerEntry> {
  const entries: Record<string, LayerEntry> = {
    "oci-layout": JSON.stringify({ imageLayoutVersion: "1.0.0" }),
    "index.json": json({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.oci.index,
      manifests: references.map((reference) => ({
        ...image.target,
        annotations: {
          "io.containerd.image.name": reference,
          "org.opencontainers.image.ref.name": reference.slice(reference.lastIndexOf(":") + 1),
        },
      })),
    }),
    "blobs/": {},
    "blobs/sha256/": {},
  };
  for (const [digest, bytes] of allBlobs(image)) entries[`blobs/${digest.replace(":", "/")}`] = bytes;
  return entries;
}

/** Writes the image as an archive that `docker load` takes as well: with docker's own manifest.json in it. */
export async function dockerArchive(image: TestImage, references: readonly string[]): Promise<Buffer> {
  const path = ({ digest }: Descriptor): string => `blobs/${digest.replace(":", "/")}`;
  const manifest = [{ Config: path(image.config), RepoTags: references, Layers: image.layers.map(path) }];
  return await packLayer({ ...archiveEntries(image, references), "manifest.json": json(manifest) });
}

/**
 * Puts the image into containerd as a finished pull leaves it: content with the labels that keep it, the record, and
 * the layers unpacked.
 */
export async function importImage(containerd: Containerd, reference: string, image: TestImage): Promise<void> {
  await using lease = await containerd.leases.create({ expiresInMs: 60_000 });
  const options = { leaseId: lease.id };
  for (const [digest, bytes] of image.blobs) {
    await containerd.content.writeBlob(
      { mediaType: "application/octet-stream", digest, size: bytes.length },
      bytes,
      options,
    );
  }
  for (const { descriptor, bytes } of image.manifests) {
    const labels = referenceLabels(JSON.parse(bytes.toString()) as ManifestLike);
    await containerd.content.writeBlob(descriptor, bytes, { ...options, labels });
  }
  const top = await unpack(containerd, image, lease.id);
  await containerd.content.updateLabels(image.config.digest, {
    [`containerd.io/gc.ref.snapshot.${containerd.snapshotter}`]: top,
  });
  await containerd.images.upsert({ name: reference, target: image.target });
}

async function unpack(containerd: Containerd, image: TestImage, leaseId: string): Promise<string> {
  let parent = "";
  for (const [index, layer] of image.layers.entries()) {
    const name = chainId(image.diffIds.slice(0, index + 1));
    const existing = await containerd.snapshots.list([`name==${name}`]);
    if (existing.length === 0) {
      const key = `extract-${randomBytes(4).toString("hex")} ${name}`;
      const mounts = await containerd.snapshots.prepare(key, parent, { leaseId });
      await containerd.diff.apply(layer, mounts, { leaseId });
      await containerd.snapshots.commit(name, key, { leaseId });
    }
    parent = name;
  }
  return parent;
}

interface ManifestLike {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

/** The labels by which containerd's garbage collector finds what a manifest or an index refers to. */
function referenceLabels({ config, layers = [], manifests = [] }: ManifestLike): Record<string, string> {
  return Object.fromEntries([
    ...(config ? [["containerd.io/gc.ref.content.config", config.digest]] : []),
    ...layers.map(({ digest }, index) => [`containerd.io/gc.ref.content.l.${index}`, digest]),
    ...manifests.map(({ digest }, index) => [`containerd.io/gc.ref.content.m.${index}`, digest]),
  ]);
}

function allBlobs(image: TestImage): [string, Buffer][] {
  return [
    ...image.blobs,
    ...image.manifests.map(({ descriptor, bytes }): [string, Buffer] => [descriptor.digest, bytes]),
  ];
}

function add(blobs: Map<string, Buffer>, mediaType: string, bytes: Buffer): Descriptor {
  const descriptor = descriptorOf(mediaType, bytes);
  blobs.set(descriptor.digest, bytes);
  return descriptor;
}

function descriptorOf(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

async function packLayer(entries: Readonly<Record<string, LayerEntry>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, entry] of Object.entries(entries)) {
    const common = { name, mtime: CREATED };
    if (typeof entry === "string" || Buffer.isBuffer(entry)) {
      archive.entry({ ...common, mode: 0o644 }, entry);
    } else if ("symlink" in entry) {
      archive.entry({ ...common, type: "symlink", linkname: entry.symlink });
    } else if ("special" in entry) {
      archive.entry({ ...common, type: entry.special, mode: 0o644 });
    } else {
      const { uid = 0, gid = 0, content = "" } = entry;
      const directory = name.endsWith("/");
      const mode = entry.mode ?? (directory ? 0o755 : 0o644);
      const header = { ...common, uid, gid, mode, type: directory ? ("directory" as const) : ("file" as const) };
      if (directory) archive.entry(header);
      else archive.entry(header, content);
    }
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const ZSTD_BLOCK_BYTES = 128 * 1024;

/** A valid zstd frame of raw blocks: Node 20 has no compressor, and a decompressor takes these as well. */
export function zstdFrame(bytes: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32LE(0xfd2fb528, 0);
  const singleSegmentWith8ByteSize = 0b1110_0000;
  header.writeUInt8(singleSegmentWith8ByteSize, 4);
  header.writeBigUInt64LE(BigInt(bytes.length), 5);
  const pieces: Buffer[] = [header];
  for (let start = 0; start < bytes.length || start === 0; start += ZSTD_BLOCK_BYTES) {
    const block = bytes.subarray(start, start + ZSTD_BLOCK_BYTES);
    const isLast = start + ZSTD_BLOCK_BYTES >= bytes.length;
    const blockHeader = Buffer.alloc(3);
    blockHeader.writeUIntLE((block.length << 3) | (isLast ? 1 : 0), 0, 3);
    pieces.push(blockHeader, block);
  }
  return Buffer.concat(pieces);
}
