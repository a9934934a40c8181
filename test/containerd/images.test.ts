import { describe, expect, it } from "vitest";
import { buildImage, importImage } from "../support/images.ts";
import { busybox, freshNamespace } from "../support/namespace.ts";
import { waitUntil } from "../support/wait-until.ts";

const NAME = "docker.io/library/busybox:latest";

describe("images", () => {
  it("are created, found, listed and deleted", async () => {
    await using node = await freshNamespace();
    const { images } = node.client;
    const { target } = await busybox();
    await node.load("busybox");

    const image = await images.get(NAME);
    expect(image).toMatchObject({
      name: NAME,
      target: { mediaType: target.mediaType, digest: target.digest, size: target.size },
      labels: {},
    });
    expect(Date.parse(image.createdAt)).toBeGreaterThan(Date.now() - 60_000);
    expect(await images.list()).toEqual([image]);
    expect(await images.list([`name==${NAME}`])).toEqual([image]);
    expect(await images.list(["name==other"])).toEqual([]);

    await images.delete(NAME);
    await expect(images.get(NAME)).rejects.toMatchObject({ code: "not-found" });
    await expect(images.delete(NAME)).rejects.toMatchObject({ code: "not-found" });
  });

  it("are not created twice, and an upsert points the name at the new target", async () => {
    await using node = await freshNamespace();
    const { images } = node.client;
    await node.load("busybox");
    const other = await buildImage({ layers: [{ entries: { file: "other" } }] });
    await importImage(node.client, "docker.io/library/other:latest", other);
    const first = await images.update({ ...(await images.get(NAME)), labels: { keep: "1", change: "1" } }, ["labels"]);
    await expect(images.create(first)).rejects.toMatchObject({ code: "already-exists" });

    const second = await images.upsert({ name: NAME, target: other.target, labels: { change: "2" } });

    expect(second.target.digest).toBe(other.target.digest);
    expect(second.labels).toEqual({ keep: "1", change: "2" });
    expect(second.createdAt).toBe(first.createdAt);
  });

  it("keep their content from the garbage collector, and give it up with the record", async () => {
    await using node = await freshNamespace();
    const { client } = node;
    const image = await buildImage({ layers: [{ entries: { unique: node.namespace } }] });
    await importImage(client, NAME, image);
    const layer = image.layers[0]?.digest ?? "";
    // A lease's synchronous end makes the collector run.
    await client.leases.delete((await client.leases.create()).id, { sync: true });
    expect(await client.content.has(layer)).toBe(true);

    await client.images.delete(NAME, { sync: true });

    await waitUntil("the layer is collected", async () => !(await client.content.has(layer)));
    expect(await client.snapshots.list()).toEqual([]);
  });
});
