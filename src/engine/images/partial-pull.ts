import { EngineError, isEngineError } from "../../errors.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { digestHex } from "../../model/digest.ts";
import type { Engine } from "../engine.ts";

type Puller = Pick<Engine, "containerd">;

const DAY_MS = 24 * 60 * 60 * 1000;
const KEEP_TIMEOUT_MS = 10_000;

/**
 * Keeps what an interrupted pull has under its own lease for the next pull of that image, under a lease that is the
 * same for all of them: pulls that are interrupted again and again leave one.
 */
export async function keepPartialPull(
  { containerd: { leases } }: Puller,
  target: Descriptor,
  { id: leaseId }: { readonly id: string },
): Promise<void> {
  // Not the pull's signal, which has been aborted.
  const signal = AbortSignal.timeout(KEEP_TIMEOUT_MS);
  const id = partialPullLease(target);
  try {
    await leases.create({ id, expiresInMs: DAY_MS, signal }).catch(forgive("already-exists"));
    for (const resource of await leases.listResources(leaseId, { signal })) {
      await leases.addResource(id, resource, { signal }).catch(forgive("not-found"));
    }
  } catch (error) {
    // It would have saved a download, no more; why the pull ended is what is worth reporting.
    if (!(error instanceof EngineError)) throw error;
  }
}

/** Lets go of what earlier pulls left, now that the image is here. */
export async function forgetPartialPull(
  { containerd: { leases } }: Puller,
  target: Descriptor,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  await leases.delete(partialPullLease(target), { signal }).catch(forgive("not-found"));
}

function partialPullLease({ digest }: Descriptor): string {
  return `wharf-partial-${digestHex(digest)}`;
}

function forgive(code: EngineError["code"]): (error: unknown) => void {
  return (error) => {
    if (!isEngineError(error, code)) throw error;
  };
}
