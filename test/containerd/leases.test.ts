import { describe, expect, it } from "vitest";
import type { Containerd } from "../../src/containerd/client.ts";
import { digestOf } from "../support/images.ts";
import { freshNamespace } from "../support/namespace.ts";
import { waitUntil } from "../support/wait-until.ts";

/** Writes a blob that only this test has. */
async function writeUnique(client: Containerd, leaseId: string | undefined): Promise<string> {
  const bytes = Buffer.from(`${client.namespace} ${leaseId} ${Math.random()}`);
  const digest = digestOf(bytes);
  await client.content.writeBlob({ mediaType: "text/plain", digest, size: bytes.length }, bytes, { leaseId });
  return digest;
}

describe("leases", () => {
  it("hold what was made under them until they end", async () => {
    await using node = await freshNamespace();
    const { client } = node;
    const keeping = await client.leases.create();
    const ending = await client.leases.create();
    const kept = await writeUnique(client, keeping.id);
    const dropped = await writeUnique(client, ending.id);
    await client.snapshots.prepare("held", "", { leaseId: keeping.id });
    expect(await client.leases.listResources(keeping.id)).toEqual(
      expect.arrayContaining([
        { type: "content", id: kept },
        { type: "snapshots/overlayfs", id: "held" },
      ]),
    );

    await client.leases.delete(ending.id, { sync: true });

    await waitUntil("the blob is collected", async () => !(await client.content.has(dropped)));
    expect(await client.content.has(kept)).toBe(true);
    expect(await client.snapshots.stat("held")).toMatchObject({ kind: "active" });
  });

  it("end by themselves at the time that their label says", async () => {
    await using node = await freshNamespace();
    const { client } = node;
    // Long enough to write under it: any other test may start the collector meanwhile.
    const expired = await client.leases.create({ id: "expired", expiresInMs: 3_000 });
    const digest = await writeUnique(client, expired.id);
    const running = await client.leases.create({ expiresInMs: 3_600_000, labels: { owner: "test" } });
    expect(running.labels).toMatchObject({ owner: "test" });
    expect(Date.parse(running.labels["containerd.io/gc.expire"] ?? "")).toBeGreaterThan(Date.now() + 3_000_000);

    await waitUntil("the expired lease is collected", async () => {
      await client.leases.delete((await client.leases.create()).id, { sync: true });
      return !(await client.content.has(digest));
    });
    expect((await client.leases.list()).map(({ id }) => id)).toEqual([running.id]);
  });

  it("end with the scope that holds them", async () => {
    await using node = await freshNamespace();
    const { leases } = node.client;
    {
      await using lease = await leases.create();
      expect((await leases.list([`id==${lease.id}`])).length).toBe(1);
      await using gone = await leases.create();
      await leases.delete(gone.id);
    }
    expect(await leases.list()).toEqual([]);
  });

  it("take and give back single resources", async () => {
    await using node = await freshNamespace();
    const { client } = node;
    const lease = await client.leases.create({ id: "by-hand" });
    await expect(client.leases.create({ id: "by-hand" })).rejects.toMatchObject({ code: "already-exists" });
    const resource = { type: "content", id: await writeUnique(client, lease.id) };
    const other = await client.leases.create();
    await client.leases.addResource(other.id, resource);
    await client.leases.deleteResource(lease.id, resource);

    expect(await client.leases.listResources(lease.id)).toEqual([]);
    expect(await client.leases.listResources(other.id)).toEqual([resource]);
  });
});
