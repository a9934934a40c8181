import { createHash, randomUUID } from "node:crypto";
import type { TarEntry } from "../../archive/tar-entry.ts";
import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import { isDigest } from "../../model/digest.ts";
import type { Engine } from "../engine.ts";
import { DOCKER_MANIFEST, digestAtPath, OCI_INDEX, OCI_LAYOUT } from "./archive-format.ts";

/** A member of an archive that is in the content store now. */
export interface ArchivedBlob {
  readonly digest: string;
  readonly size: number;
  /** How it begins, which tells its compression. */
  readonly head: Uint8Array;
}

/** What an archive held. */
export interface ArchiveContents {
  /** By the name of the member, links included. */
  blob(name: string): ArchivedBlob | undefined;
  /** The text of one of the files that say what the rest is. */
  text(name: string): Uint8Array | undefined;
}

export interface StoreArchiveContext {
  readonly leaseId: string;
  readonly signal: AbortSignal;
  onBytes(digest: string, bytes: number, total: number): void;
}

type Content = Engine["containerd"]["content"];

const DESCRIPTIONS = new Set([OCI_INDEX, OCI_LAYOUT, DOCKER_MANIFEST]);
/** Of a manifest, index or config. */
const MAX_DESCRIPTION_BYTES = 8 << 20;
const HEAD_BYTES = 16;

/**
 * Reads an archive to its end, and puts configs, manifests and layers into the content store as they come: which is
 * which is often said by its very last member. A blob that carries its digest in its name is checked against it.
 */
export async function storeArchive(
  content: Content,
  archive: AsyncIterable<TarEntry>,
  context: StoreArchiveContext,
): Promise<ArchiveContents> {
  const blobs = new Map<string, ArchivedBlob>();
  const links = new Map<string, string>();
  const texts = new Map<string, Uint8Array>();
  for await (const entry of archive) {
    if (entry.type === "link" && entry.target !== undefined) links.set(entry.name, entry.target);
    if (entry.type !== "file") continue;
    if (DESCRIPTIONS.has(entry.name)) texts.set(entry.name, await readText(entry));
    else if (isBlob(entry.name)) blobs.set(entry.name, await storeBlob(content, entry, context));
  }
  return {
    blob: (name) => blobs.get(name) ?? blobs.get(links.get(name) ?? ""),
    text: (name) => texts.get(name),
  };
}

/** Blobs of a layout; configs and layers of docker's older archives, whatever they are called. */
function isBlob(name: string): boolean {
  return digestAtPath(name) !== undefined || name.endsWith(".tar") || name.endsWith(".json");
}

async function readText({ name, sizeBytes, content }: TarEntry): Promise<Uint8Array> {
  if (sizeBytes > MAX_DESCRIPTION_BYTES) {
    throw new EngineError("out-of-range", `${name} in the archive is larger than ${MAX_DESCRIPTION_BYTES} bytes`);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function storeBlob(content: Content, entry: TarEntry, context: StoreArchiveContext): Promise<ArchivedBlob> {
  const digest = digestAtPath(entry.name);
  return digest !== undefined && isDigest(digest)
    ? await storeNamedBlob(content, digest, entry, context)
    : await storeUnnamedBlob(content, entry, context);
}

/** The commit checks the digest; what is in the store already need not even be read. */
async function storeNamedBlob(
  content: Content,
  digest: string,
  { sizeBytes: size, content: bytes }: TarEntry,
  { leaseId, signal, onBytes }: StoreArchiveContext,
): Promise<ArchivedBlob> {
  const descriptor = { mediaType: "", digest, size };
  const head = new Head();
  try {
    await using writer = await content.writerWhenFree(`wharf-load-${digest}`, { descriptor, leaseId, signal });
    const resumedAt = writer.offset;
    let position = 0;
    for await (const chunk of bytes) {
      head.add(chunk);
      if (position + chunk.length > resumedAt) await writer.write(chunk.subarray(Math.max(resumedAt - position, 0)));
      position += chunk.length;
      onBytes(digest, position, size);
      faultPoint("load.blob-chunk-written");
    }
    await writer.commit({ size, digest });
  } catch (error) {
    if (!isEngineError(error, "already-exists")) throw error;
    for await (const chunk of bytes) if (head.add(chunk)) break;
  }
  return { digest, size, head: head.bytes };
}

async function storeUnnamedBlob(
  content: Content,
  { name, sizeBytes: size, content: bytes }: TarEntry,
  { leaseId, signal, onBytes }: StoreArchiveContext,
): Promise<ArchivedBlob> {
  const head = new Head();
  const hash = createHash("sha256");
  await using writer = await content.writer(`wharf-load-${randomUUID()}`, { leaseId, signal });
  for await (const chunk of bytes) {
    head.add(chunk);
    hash.update(chunk);
    await writer.write(chunk);
    onBytes(name, writer.offset, size);
  }
  const digest = `sha256:${hash.digest("hex")}`;
  try {
    await writer.commit({ size, digest });
  } catch (error) {
    if (!isEngineError(error, "already-exists")) throw error;
    await holdExisting(content, { digest, size }, { leaseId, signal });
  }
  return { digest, size, head: head.bytes };
}

/** Puts content that was in the store before under the lease, which opening a writer for it does. */
async function holdExisting(
  content: Content,
  { digest, size }: Pick<ArchivedBlob, "digest" | "size">,
  { leaseId, signal }: Pick<StoreArchiveContext, "leaseId" | "signal">,
): Promise<void> {
  try {
    const descriptor = { mediaType: "", digest, size };
    await using _writer = await content.writer(`wharf-load-${randomUUID()}`, { descriptor, leaseId, signal });
  } catch (error) {
    if (!isEngineError(error, "already-exists")) throw error;
  }
}

/** The first bytes of a stream. */
class Head {
  private readonly chunks: Uint8Array[] = [];
  private size = 0;

  /** Returns true once it has all it wants. */
  add(chunk: Uint8Array): boolean {
    if (this.size < HEAD_BYTES) {
      this.chunks.push(chunk.subarray(0, HEAD_BYTES - this.size));
      this.size += Math.min(chunk.length, HEAD_BYTES - this.size);
    }
    return this.size === HEAD_BYTES;
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.chunks);
  }
}
