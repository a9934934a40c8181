import { describe, expect, it } from "vitest";
import { buildImage, importImage } from "../support/images.ts";
import { freshNamespace } from "../support/namespace.ts";

// All under leases: the collector, which other tests make run, takes snapshots that nothing refers to.
describe("snapshots", () => {
  it("are prepared, committed, and become parents", async () => {
    await using node = await freshNamespace();
    await using lease = await node.client.leases.create();
    const options = { leaseId: lease.id };
    const { snapshots } = node.client;
    const [mount] = await snapshots.prepare("active", "", { ...options, labels: { step: "1" } });
    expect(mount).toMatchObject({ type: "bind", options: expect.arrayContaining(["rw"]) });
    expect(await snapshots.stat("active")).toMatchObject({
      name: "active",
      parent: "",
      kind: "active",
      labels: { step: "1" },
    });
    await snapshots.commit("base", "active", { ...options, labels: { step: "2" } });
    await expect(snapshots.stat("active")).rejects.toMatchObject({ code: "not-found" });

    const [bind] = await snapshots.view("view", "base", options);
    await snapshots.prepare("child", "base", options);
    const [overlay] = await snapshots.mounts("child");

    expect(bind).toMatchObject({ type: "bind", options: expect.arrayContaining(["ro"]) });
    expect(overlay).toMatchObject({ type: "overlay", source: "overlay", target: "" });
    expect(overlay?.options.join()).toMatch(/lowerdir=.*upperdir=|upperdir=.*lowerdir=/);
    const kinds = Object.fromEntries((await snapshots.list()).map(({ name, kind }) => [name, kind]));
    expect(kinds).toEqual({ base: "committed", view: "view", child: "active" });
    expect((await snapshots.list(["kind==view"])).map(({ name }) => name)).toEqual(["view"]);
    expect((await snapshots.updateLabels("child", { user: "me" })).labels).toEqual({ user: "me" });
  });

  it("refuse what would not hold together", async () => {
    await using node = await freshNamespace();
    await using lease = await node.client.leases.create();
    const options = { leaseId: lease.id };
    const { snapshots } = node.client;
    await snapshots.prepare("key", "", options);
    await expect(snapshots.prepare("key", "", options)).rejects.toMatchObject({ code: "already-exists" });
    await expect(snapshots.prepare("orphan", "no-such-parent", options)).rejects.toMatchObject({ code: "not-found" });
    await expect(snapshots.mounts("no-such-key")).rejects.toMatchObject({ code: "not-found" });
    await snapshots.commit("parent", "key", options);
    await snapshots.prepare("child", "parent", options);
    await expect(snapshots.remove("parent")).rejects.toMatchObject({ code: "failed-precondition" });

    await snapshots.remove("child");
    await snapshots.remove("parent");
    await snapshots.cleanup();

    expect(await snapshots.list()).toEqual([]);
  });

  it("hold what a layer holds once it was applied, and tell what they differ in", async () => {
    await using node = await freshNamespace();
    await using lease = await node.client.leases.create();
    const options = { leaseId: lease.id };
    const { snapshots, diff, content } = node.client;
    const image = await buildImage({ layers: [{ entries: { "hello.txt": "x".repeat(5000) } }] });
    await importImage(node.client, "example.com/hello:latest", image);
    const [name] = image.diffIds;
    expect((await snapshots.usage(name ?? "")).sizeBytes).toBeGreaterThanOrEqual(5000);

    const right = await snapshots.prepare("right", "", options);
    const [layer] = image.layers;
    if (!layer) throw new Error("the image has no layer");
    expect(await diff.apply(layer, right, options)).toMatchObject({
      digest: name,
      mediaType: expect.stringContaining("tar"),
    });
    const left = await snapshots.view("left", "", options);
    const difference = await diff.diff(left, right, { ...options, ref: "difference" });

    expect(difference).toMatchObject({ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" });
    expect((await content.info(difference.digest)).size).toBe(difference.size);
  });
});
