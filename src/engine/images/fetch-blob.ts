import { setTimeout as delay } from "node:timers/promises";
import { isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import type { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { missingLabels, sourceLabel } from "./labels.ts";
import { Turns } from "./turns.ts";

export interface FetchBlobRequest {
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  /** containerd's client names ingests this way; with the same names each resumes what the other began. */
  readonly ref: string;
  readonly leaseId: string;
  /** Where what several downloads bring is written one at a time, and this one's place among them. */
  readonly turns?: Turns | undefined;
  readonly rank?: number | undefined;
}

export interface FetchBlobContext {
  readonly signal: AbortSignal;
  /** Called as bytes arrive, with the number that is there in all. */
  onBytes(count: number): void;
}

/** As often as docker tries to download a layer. */
const MAX_ATTEMPTS = 5;
const FIRST_RETRY_DELAY_MS = 1000;

/**
 * Brings a blob into the content store, from where an earlier attempt stopped, and under the lease. It is checked by
 * containerd's commit, which is given the digest; nobody else hashes it.
 */
export async function fetchBlob(
  engine: Pick<Engine, "containerd" | "registry">,
  request: FetchBlobRequest,
  context: FetchBlobContext,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchOnce(engine, request, context);
    } catch (error) {
      if (isEngineError(error, "already-exists")) {
        await addSource(engine, request, context.signal);
        return;
      }
      if (!isEngineError(error, "unavailable") || attempt === MAX_ATTEMPTS) {
        throw error;
      }
      await delay(FIRST_RETRY_DELAY_MS * attempt, undefined, { signal: context.signal });
    }
  }
}

async function fetchOnce(
  { containerd, registry }: Pick<Engine, "containerd" | "registry">,
  { reference, descriptor, ref, leaseId, turns = new Turns(), rank = 0 }: FetchBlobRequest,
  { signal, onBytes }: FetchBlobContext,
): Promise<void> {
  const labels = sourceLabel(reference);
  await using writer = await containerd.content.writerWhenFree(ref, { descriptor, labels, leaseId, signal });
  onBytes(writer.offset);
  if (writer.offset < descriptor.size) {
    const blob = await registry.fetchBlob(reference, descriptor, { offset: writer.offset, signal });
    for await (const chunk of blob) {
      await turns.take(rank, () => writer.write(chunk));
      faultPoint("pull.blob-chunk-written");
      onBytes(writer.offset);
    }
  }
  faultPoint("pull.blob-written");
  await writer.commit({ size: descriptor.size, digest: descriptor.digest });
  faultPoint("pull.blob-committed");
}

/** Notes that the registry has a blob that was here before. */
async function addSource(
  { containerd }: Pick<Engine, "containerd">,
  { reference, descriptor: { digest } }: FetchBlobRequest,
  signal: AbortSignal,
): Promise<void> {
  const { labels } = await containerd.content.info(digest, { signal });
  const missing = missingLabels(labels, sourceLabel(reference, labels));
  if (Object.keys(missing).length > 0) {
    await containerd.content.updateLabels(digest, missing, { signal });
  }
}
