import { describe, expect, inject, it } from "vitest";
import { connectContainerd } from "../../src/containerd/client.ts";
import { startContainerd } from "../support/containerd.ts";
import { freshNamespace } from "../support/namespace.ts";
import { waitUntil } from "../support/wait-until.ts";

describe("the daemon", () => {
  it("tells its version, itself and its plugins", async () => {
    await using node = await freshNamespace();
    const { client } = node;
    expect((await client.version()).version).toBe(inject("host").containerdVersion);
    expect((await client.introspection.server()).uuid).toMatch(/^[0-9a-f-]{36}$/);
    const snapshotters = await client.introspection.plugins(["type==io.containerd.snapshotter.v1"]);
    expect(snapshotters.find(({ id }) => id === "overlayfs")).toMatchObject({
      type: "io.containerd.snapshotter.v1",
      platforms: [{ os: "linux" }],
      exports: { root: expect.stringContaining("overlayfs") },
    });
    const broken = snapshotters.filter(({ error }) => error);
    expect(broken.map(({ error }) => error?.message)).not.toContain("");
  });

  it("keeps namespaces and their labels", async () => {
    await using node = await freshNamespace();
    const { namespaces } = node.client;
    const name = `${node.namespace}-more`;
    expect(await namespaces.create(name, { a: "1", b: "1" })).toEqual({ name, labels: { a: "1", b: "1" } });
    await expect(namespaces.create(name)).rejects.toMatchObject({ code: "already-exists" });
    await expect(namespaces.create("not a name")).rejects.toMatchObject({ code: "invalid-argument" });
    await namespaces.update(name, { b: "2" });

    expect(await namespaces.get(name)).toEqual({ name, labels: { a: "1", b: "2" } });
    expect(await namespaces.list()).toContainEqual({ name, labels: { a: "1", b: "2" } });

    await node.client.withNamespace(name).leases.create({ id: "holds" });
    await node.client.withNamespace(name).leases.delete("holds");
    await namespaces.delete(name);
    await expect(namespaces.get(name)).rejects.toMatchObject({ code: "not-found" });
  });

  it("does not give up a namespace that holds something", async () => {
    await using node = await freshNamespace();
    await node.load("busybox");
    await expect(node.client.namespaces.delete(node.namespace)).rejects.toMatchObject({ code: "failed-precondition" });
  });

  it("may be away, and come back, without a new client", async () => {
    await using daemon = await startContainerd();
    const client = connectContainerd({ address: daemon.address, namespace: "away", snapshotter: "overlayfs" });
    await client.namespaces.create("away");
    let subscribed = false;
    const onSubscribed = (): void => {
      subscribed = true;
    };
    const following = (async () => {
      for await (const _ of client.events.subscribe([], { onSubscribed })) {
        // Only the end counts.
      }
    })();
    const followed = expect(following).rejects.toMatchObject({ code: "unavailable" });
    await waitUntil("the subscription is in force", () => subscribed);

    await daemon.restart("kill");

    await followed;
    await waitUntil("the client has found the daemon again", async () => await client.namespaces.get("away"));
    client.close();
  });

  it("that does not run is named, with a way to start it", async () => {
    const address = "/nonexistent/containerd.sock";
    const client = connectContainerd({ address, namespace: "default", snapshotter: "overlayfs" });

    await expect(client.version()).rejects.toMatchObject({
      code: "unavailable",
      message: `containerd is not running at ${address}`,
      hint: expect.stringContaining("wharf system install --standalone"),
    });
  });
});
