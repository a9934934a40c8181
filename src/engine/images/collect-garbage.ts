import type { Engine } from "../engine.ts";

const LEASE_MS = 60_000;

/** Has containerd collect what nothing refers to any more, and waits for that: the end of a lease brings it about. */
export async function collectGarbage(
  { leases }: Engine["containerd"],
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { id } = await leases.create({ expiresInMs: LEASE_MS, signal });
  await leases.delete(id, { sync: true, signal });
}
