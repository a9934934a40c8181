import { setTimeout as delay } from "node:timers/promises";
import { EngineError, isEngineError } from "../errors.ts";
import type { Descriptor } from "../model/descriptor.ts";
import { type ContentWriter, openContentWriter, type WriterOptions } from "./content-writer.ts";
import type { ContentDefinition, Info, Status } from "./generated/containerd/services/content/v1/content.ts";
import type { CallOptions, ServiceClient, WriteOptions } from "./rpc.ts";
import { timestampToIso } from "./timestamps.ts";

export type { ContentWriter, WriterOptions };

/** How often a writer asks whether an ingest that somebody else writes is free. */
const LOCK_POLL_MS = 100;
/** Manifests have at most 4 MiB; configs have no limit of their own, and are written by the same people. */
const MAX_DOCUMENT_BYTES = 16 << 20;

/** A blob of the content store. */
export interface ContentInfo {
  readonly digest: string;
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** An *ingest*: a blob on its way into the store, under the name (`ref`) that its writer chose. */
export interface IngestStatus {
  readonly ref: string;
  readonly offset: number;
  /** 0 while the size is unknown. */
  readonly total: number;
  readonly expected: string;
  readonly startedAt: string;
  readonly updatedAt: string;
}

/** containerd's Content service: immutable blobs by digest. */
export class Content {
  constructor(private readonly client: ServiceClient<typeof ContentDefinition>) {}

  /** @throws EngineError `not-found`. */
  async info(digest: string, options?: CallOptions): Promise<ContentInfo> {
    return infoFromMessage((await this.client.unary("info", { digest }, options)).info);
  }

  async has(digest: string, options?: CallOptions): Promise<boolean> {
    try {
      await this.info(digest, options);
      return true;
    } catch (error) {
      if (isEngineError(error, "not-found")) return false;
      throw error;
    }
  }

  /** The blobs that match one of the filters, such as `labels.KEY==VALUE`; without a filter all. */
  async list(filters: readonly string[] = [], options?: CallOptions): Promise<ContentInfo[]> {
    const blobs: ContentInfo[] = [];
    for await (const { info } of this.client.serverStream("list", { filters: [...filters] }, options)) {
      blobs.push(...info.map(infoFromMessage));
    }
    return blobs;
  }

  /** A blob's bytes from `offset`, `size` of them or all that follow. @throws EngineError `not-found`, `out-of-range`. */
  async *read(
    digest: string,
    options: CallOptions & { readonly offset?: number; readonly size?: number } = {},
  ): AsyncGenerator<Uint8Array, void, void> {
    const request = { digest, offset: BigInt(options.offset ?? 0), size: BigInt(options.size ?? 0) };
    for await (const { data } of this.client.serverStream("read", request, options)) yield data;
  }

  /**
   * The whole blob. For manifests and configs; layers are better read piece by piece.
   *
   * @throws EngineError `not-found`; `out-of-range` for a blob that no manifest or config is as large as.
   */
  async readAll(digest: string, options?: CallOptions): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.read(digest, options)) {
      size += chunk.length;
      if (size > MAX_DOCUMENT_BYTES) throw new EngineError("out-of-range", `${digest} is too large for a document`);
      chunks.push(chunk);
    }
    return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
  }

  /**
   * Opens the ingest `ref`, or goes on with it: the writer's `offset` says how many bytes are there already. Close it,
   * also after a failure; what was written stays until it is aborted or its lease ends.
   *
   * @throws EngineError `already-exists` when the descriptor's blob is in the store; `unavailable` while somebody else
   * writes this ingest.
   */
  async writer(ref: string, options: WriterOptions = {}): Promise<ContentWriter> {
    return await openContentWriter(this.client, ref, options);
  }

  /**
   * As `writer`, but while somebody else writes the ingest, waits for them to finish or to give up.
   *
   * @throws EngineError `already-exists` when the blob is in the store, as it is when they finished.
   */
  async writerWhenFree(ref: string, options: WriterOptions = {}): Promise<ContentWriter> {
    for (;;) {
      try {
        return await this.writer(ref, options);
      } catch (error) {
        if (!isEngineError(error, "unavailable")) throw error;
      }
      // Fails when it is containerd that is unavailable, and not the ingest.
      await this.statuses([`ref==${ref}`], options);
      await delay(LOCK_POLL_MS, undefined, options.signal && { signal: options.signal });
    }
  }

  /** Puts a small blob, of which all bytes are at hand, into the store. One that is there already only gets the labels. */
  async writeBlob(descriptor: Descriptor, bytes: Uint8Array, options: WriterOptions = {}): Promise<void> {
    const { digest, size } = descriptor;
    try {
      await using writer = await this.writerWhenFree(`wharf-blob-${digest}`, { ...options, descriptor });
      if (writer.offset < bytes.length) await writer.write(bytes.subarray(writer.offset));
      await writer.commit({ size, digest, labels: options.labels });
    } catch (error) {
      if (!isEngineError(error, "already-exists")) throw error;
      if (options.labels) await this.updateLabels(digest, options.labels, options);
    }
  }

  /** The ingests under way that match one of the filters, such as `ref==NAME`. */
  async statuses(filters: readonly string[] = [], options?: CallOptions): Promise<IngestStatus[]> {
    return (await this.client.unary("listStatuses", { filters: [...filters] }, options)).statuses.map(
      statusFromMessage,
    );
  }

  /** @throws EngineError `not-found`. */
  async status(ref: string, options?: CallOptions): Promise<IngestStatus> {
    const { status } = await this.client.unary("status", { ref }, options);
    if (!status) throw new EngineError("not-found", `no such ingest: ${ref}`);
    return statusFromMessage(status);
  }

  /** Forgets an ingest and its bytes. @throws EngineError `not-found`. */
  async abort(ref: string, options?: CallOptions): Promise<void> {
    await this.client.unary("abort", { ref }, options);
  }

  /** Sets the given labels and leaves the others; `""` removes a label. @throws EngineError `not-found`. */
  async updateLabels(
    digest: string,
    labels: Readonly<Record<string, string>>,
    options?: WriteOptions,
  ): Promise<ContentInfo> {
    const request = {
      info: { digest, size: 0n, labels: { ...labels } },
      updateMask: Object.keys(labels).map((key) => `labels.${key}`),
    };
    return infoFromMessage((await this.client.unary("update", request, options)).info);
  }

  /** @throws EngineError `not-found`. */
  async delete(digest: string, options?: CallOptions): Promise<void> {
    await this.client.unary("delete", { digest }, options);
  }
}

function infoFromMessage(info: Info | undefined): ContentInfo {
  return {
    digest: info?.digest ?? "",
    size: Number(info?.size ?? 0n),
    labels: info?.labels ?? {},
    createdAt: timestampToIso(info?.createdAt),
    updatedAt: timestampToIso(info?.updatedAt),
  };
}

function statusFromMessage(status: Status): IngestStatus {
  return {
    ref: status.ref,
    offset: Number(status.offset),
    total: Number(status.total),
    expected: status.expected,
    startedAt: timestampToIso(status.startedAt),
    updatedAt: timestampToIso(status.updatedAt),
  };
}
