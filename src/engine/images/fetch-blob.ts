import { setTimeout as delay } from "node:timers/promises";
import { EngineError, isEngineError } from "../../errors.ts";
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

/** As often as docker tries to download a layer; an attempt that brought something does not count. */
const MAX_ATTEMPTS = 5;
const FIRST_RETRY_DELAY_MS = 1000;
/** After an attempt that brought something. */
const CUT_DELAY_MS = 200;
const ABORT_TIMEOUT_MS = 10_000;

type Fetcher = Pick<Engine, "containerd" | "registry">;

/**
 * Brings a blob into the content store, from where an earlier attempt stopped, and under the lease. It is checked by
 * containerd's commit, which is given the digest; nobody else hashes it. Content that turns out to be wrong is thrown
 * away, and fetched once more: what an earlier attempt left may be the wrong part, or another host may have it right.
 *
 * @throws EngineError `unavailable` when attempt after attempt brings nothing, `failed-precondition` when the content is
 *   not what its digest says.
 */
export async function fetchBlob(engine: Fetcher, request: FetchBlobRequest, context: FetchBlobContext): Promise<void> {
  const progress = { bytes: 0 };
  let wasWrong = false;
  for (let attempt = 1; ; attempt++) {
    const before = progress.bytes;
    try {
      return await fetchOnce(engine, request, context, progress);
    } catch (error) {
      if (isEngineError(error, "already-exists")) {
        await addSource(engine, request, context.signal);
        return;
      }
      if (error instanceof WrongContent) {
        await abandon(engine, request);
        engine.registry.distrust(request.descriptor.digest);
        if (wasWrong) throw error.reason;
        wasWrong = true;
        continue;
      }
      const wentOn = progress.bytes > before;
      if (wentOn) attempt = 1;
      if (!isEngineError(error, "unavailable") || attempt >= MAX_ATTEMPTS) {
        throw error;
      }
      const pauseMs = wentOn ? CUT_DELAY_MS : FIRST_RETRY_DELAY_MS * attempt;
      await delay(pauseMs, undefined, { signal: context.signal });
    }
  }
}

/** What was downloaded is not what was asked for. */
class WrongContent extends Error {
  constructor(readonly reason: EngineError) {
    super(reason.message, { cause: reason });
  }
}

async function fetchOnce(
  { containerd, registry }: Fetcher,
  { reference, descriptor, ref, leaseId, turns = new Turns(), rank = 0 }: FetchBlobRequest,
  { signal, onBytes }: FetchBlobContext,
  progress: { bytes: number },
): Promise<void> {
  const labels = sourceLabel(reference);
  const { digest, size } = descriptor;
  await using writer = await containerd.content.writerWhenFree(ref, { descriptor, labels, leaseId, signal });
  onBytes(writer.offset);
  if (writer.offset < size) await receive();
  faultPoint("pull.blob-written");
  try {
    await writer.commit({ size, digest });
  } catch (error) {
    throw isEngineError(error, "failed-precondition") ? new WrongContent(error) : error;
  }
  faultPoint("pull.blob-committed");

  async function receive(): Promise<void> {
    const blob = await registry.fetchBlob(reference, descriptor, { offset: writer.offset, signal });
    try {
      for await (const chunk of blob) {
        if (writer.offset + chunk.length > size) {
          throw new WrongContent(new EngineError("failed-precondition", `blob ${digest} is longer than ${size} bytes`));
        }
        await turns.take(rank, () => writer.write(chunk));
        faultPoint("pull.blob-chunk-written");
        progress.bytes = writer.offset;
        onBytes(writer.offset);
      }
      if (writer.offset < size) {
        throw new EngineError("unavailable", `registry ${reference.domain} ended blob ${digest} too early`);
      }
    } catch (error) {
      // What has come stays for the next attempt, also that which is still gathered here.
      if (isEngineError(error, "unavailable")) await writer.flush();
      throw error;
    }
  }
}

/** Throws away what an ingest holds, so that nobody goes on with it. Under a deadline of its own. */
async function abandon({ containerd }: Fetcher, { ref }: FetchBlobRequest): Promise<void> {
  try {
    await containerd.content.abort(ref, { timeoutMs: ABORT_TIMEOUT_MS });
  } catch (error) {
    // It is gone, or goes with its lease.
    if (!(error instanceof EngineError)) throw error;
  }
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
