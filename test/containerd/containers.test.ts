import { describe, expect, it } from "vitest";
import { freshNamespace } from "../support/namespace.ts";

describe("containers", () => {
  it("keep all that they were given", async () => {
    await using node = await freshNamespace();
    const { containers } = node.client;
    const container = {
      id: "web",
      labels: { "wharf/name": "web" },
      image: "docker.io/library/busybox:latest",
      runtime: { name: "io.containerd.runc.v2", options: { binaryName: "/usr/sbin/runc", systemdCgroup: false } },
      spec: { ociVersion: "1.0.2", process: { args: ["sh", "-c", "echo ☂"] } },
      snapshotter: "overlayfs",
      snapshotKey: "web",
      extensions: { "test.record": { a: [1, 2, 3], b: null }, "test.state": { pid: 7 } },
    };
    await containers.create(container);
    await expect(containers.create(container)).rejects.toMatchObject({ code: "already-exists" });

    const stored = await containers.get("web");
    const { id, labels, image, runtime, spec, snapshotter, snapshotKey, extensions } = stored;
    expect({ id, labels, image, runtime, spec, snapshotter, snapshotKey, extensions }).toMatchObject(container);
    expect(stored.extensionNames.toSorted()).toEqual(["test.record", "test.state"]);
    expect(stored.extension("test.state")).toEqual({ pid: 7 });
    expect(stored.extension("other")).toBeUndefined();
    expect(Date.parse(stored.createdAt)).toBeGreaterThan(Date.now() - 60_000);

    await containers.delete("web");
    await expect(containers.get("web")).rejects.toMatchObject({ code: "not-found" });
    await expect(containers.delete("web")).rejects.toMatchObject({ code: "not-found" });
  });

  it("change in the named fields only", async () => {
    await using node = await freshNamespace();
    const { containers } = node.client;
    const spec = { process: { args: ["true"] } };
    await containers.create({
      id: "web",
      runtime: { name: "io.containerd.runc.v2" },
      labels: { "a/name": "1", b: "1" },
      spec,
      extensions: { "test.record": "kept", "test.state": "old" },
    });

    await containers.update({ id: "web", labels: { "a/name": "2", b: "2" } }, ["labels.a/name"]);
    await containers.update({ id: "web", extensions: { "test.state": "new" } }, ["extensions.test.state"]);
    const updated = await containers.update({ id: "web", image: "other" }, ["image"]);

    expect(updated).toMatchObject({
      image: "other",
      labels: { "a/name": "2", b: "1" },
      spec,
      extensions: { "test.record": "kept", "test.state": "new" },
    });
    expect(updated.updatedAt > updated.createdAt).toBe(true);
    expect((await containers.update({ id: "web", labels: { only: "1" } }, ["labels"])).labels).toEqual({ only: "1" });
    await expect(containers.update({ id: "ghost", labels: {} }, ["labels"])).rejects.toMatchObject({
      code: "not-found",
    });
    await expect(containers.update({ id: "web" }, ["nonsense"])).rejects.toMatchObject({ code: "invalid-argument" });
  });

  it("are found by labels", async () => {
    await using node = await freshNamespace();
    const { containers } = node.client;
    const runtime = { name: "io.containerd.runc.v2" };
    for (const id of ["one", "two", "three"]) {
      await containers.create({
        id,
        runtime,
        spec: {},
        labels: { "nerdctl/name": `${id}-name`, group: id.length === 3 ? "a" : "b" },
      });
    }
    const ids = async (...filters: string[]): Promise<string[]> =>
      (await containers.list(filters)).map(({ id }) => id).toSorted();

    expect(await ids()).toEqual(["one", "three", "two"]);
    expect(await ids(`labels."nerdctl/name"==two-name`)).toEqual(["two"]);
    expect(await ids("labels.group==a", "id==three")).toEqual(["one", "three", "two"]);
    expect(await ids("id~=^t")).toEqual(["three", "two"]);
    expect(await ids("labels.group==none")).toEqual([]);
  });

  it("lose labels without a value", async () => {
    await using node = await freshNamespace();
    const runtime = { name: "io.containerd.runc.v2" };
    await node.client.containers.create({ id: "web", runtime, spec: {}, labels: { empty: "", full: "1" } });
    expect((await node.client.containers.get("web")).labels).toEqual({ full: "1" });
  });

  it("refuse labels that are too long, and take extensions that are longer", async () => {
    await using node = await freshNamespace();
    const { containers } = node.client;
    const runtime = { name: "io.containerd.runc.v2" };
    const long = "x".repeat(100_000);
    await expect(containers.create({ id: "web", runtime, spec: {}, labels: { long } })).rejects.toMatchObject({
      code: "invalid-argument",
    });

    await containers.create({ id: "web", runtime, spec: {}, extensions: { long } });

    expect((await containers.get("web")).extension("long")).toBe(long);
  });

  it("are listed however many megabytes they have together", async () => {
    await using node = await freshNamespace();
    const { containers } = node.client;
    const megabyte = "m".repeat(1024 * 1024);
    const count = 24;
    for (let index = 0; index < count; index++) {
      await containers.create({
        id: `c${index}`,
        runtime: { name: "io.containerd.runc.v2" },
        spec: { index },
        extensions: { large: megabyte },
      });
    }

    const listed = await containers.list();

    expect(listed).toHaveLength(count);
    expect(listed.every((container) => container.extension("large") === megabyte)).toBe(true);
    const large = await containers.create({
      id: "large",
      runtime: { name: "io.containerd.runc.v2" },
      spec: {},
      extensions: { large: megabyte.repeat(6) },
    });
    expect((large.extension("large") as string).length).toBe(6 * megabyte.length);
  });
});
