import { setTimeout as delay } from "node:timers/promises";
import type { ContentWriter, WriterOptions } from "../../containerd/content.ts";
import { isEngineError } from "../../errors.ts";
import type { Engine } from "../engine.ts";

const LOCK_POLL_MS = 100;

/**
 * Opens an ingest; while somebody else writes it, waits for them to finish or to give up.
 *
 * @throws EngineError `already-exists` when the blob is in the store, as it is when they finished.
 */
export async function openIngest(
  content: Engine["containerd"]["content"],
  ref: string,
  options: WriterOptions & { readonly signal: AbortSignal },
): Promise<ContentWriter> {
  for (;;) {
    try {
      return await content.writer(ref, options);
    } catch (error) {
      if (!isEngineError(error, "unavailable")) {
        throw error;
      }
    }
    // Fails when it is containerd that is unavailable, and not the ingest.
    await content.statuses([`ref==${ref}`], { signal: options.signal });
    await delay(LOCK_POLL_MS, undefined, { signal: options.signal });
  }
}
