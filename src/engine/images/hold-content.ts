import type { Engine } from "../engine.ts";

/** Puts a blob that may be in the store under a lease, so that it stays if it is. */
export async function holdContent(
  { leases }: Engine["containerd"],
  digest: string,
  { leaseId, signal }: { readonly leaseId: string; readonly signal: AbortSignal },
): Promise<void> {
  await leases.addResource(leaseId, { id: digest, type: "content" }, { signal });
}
