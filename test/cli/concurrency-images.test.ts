import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { busyboxImage, randomLayer, type TestImage } from "../support/images.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { pushImage } from "../support/registry.ts";
import { type RegistryProxy, startRegistryProxy } from "../support/registry-proxy.ts";
import { waitUntil } from "../support/wait-until.ts";

const PATIENCE_MS = 60_000;

let node: TestNode;
let proxy: RegistryProxy;

beforeEach(async () => {
  node = await freshNamespace();
  proxy = await startRegistryProxy(inject("host").registry);
});

afterEach(async () => {
  await node[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

/** Pushes an image under a name of this test's own; returns its reference by way of the proxy. */
async function push(image: TestImage, name = "app"): Promise<string> {
  const pushed = await pushImage(node.host.registry, `${node.namespace}/${name}`, image);
  return pushed.replace(node.host.registry, proxy.host);
}

async function runs(reference: string): Promise<void> {
  const flags = ["run", "--rm", "--pull", "never", "--network", "none"];
  expect(await node.succeed(...flags, reference, "ls", "/data")).toBe("/data");
}

describe("pulls of one image at once", () => {
  it.each([2, 10])(
    "download each blob once, and all %i succeed",
    async (count) => {
      const image = await busyboxImage({ layers: [randomLayer(300_000), randomLayer(200_000, "more")] });
      const reference = await push(image);
      // No layer comes before all are under way: each has asked what the reference points at.
      proxy.holdBlobs(waitUntil("all pulls have begun", () => proxy.manifestRequests >= count, PATIENCE_MS));

      const results = await Promise.all(
        Array.from({ length: count }, () => node.cliWith({ timeoutMs: 2 * PATIENCE_MS }, "pull", reference)),
      );

      expect(results.map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual(
        results.map(() => ({ exitCode: 0, stderr: "" })),
      );
      for (const { stdout } of results) expect(stdout.trimEnd().split("\n").at(-1)).toBe(reference);
      const [, ...own] = image.layers;
      for (const { digest } of own) expect(proxy.blobRequests.get(digest)).toBe(1);
      // containerd may have taken the one that all tests share from another namespace.
      for (const requests of proxy.blobRequests.values()) expect(requests).toBe(1);
      expect(await node.client.content.statuses()).toEqual([]);
      expect(await node.client.leases.list()).toEqual([]);
      await runs(reference);
    },
    240_000,
  );
});

describe("an image that is removed", () => {
  it("takes nothing from a pull that shares its layers and is under way", async () => {
    const shared = randomLayer(300_000);
    const old = await push(await busyboxImage({ layers: [shared, randomLayer(1000, "old")] }), "old");
    await node.succeed("pull", "-q", old);
    const next = await busyboxImage({ layers: [shared, randomLayer(1000, "new")] });
    const reference = await push(next, "new");
    const last = next.layers.at(-1)?.digest ?? "";
    let release = (): void => undefined;
    const released = new Promise<void>((settle) => {
      release = settle;
    });
    const others = [next.config, ...next.layers.slice(0, -1)].map(({ digest }) => digest);
    proxy.holdBlobs(released, others);

    const pull = node.start({ timeoutMs: 2 * PATIENCE_MS }, "pull", "-q", reference);
    await waitUntil("the last layer is asked for", () => proxy.blobRequests.has(last), PATIENCE_MS);
    await node.succeed("rmi", old);
    release();

    expect(await pull.result).toEqual({ exitCode: 0, stdout: `${reference}\n`, stderr: "" });
    await runs(reference);
  }, 120_000);

  it("while it is pulled is either there as a whole or not at all", async () => {
    const reference = await push(await busyboxImage({ layers: [randomLayer(300_000)] }));
    for (let round = 0; round < 6; round++) {
      const [pulled, removed] = await Promise.all([node.cli("pull", "-q", reference), node.cli("rmi", reference)]);

      expect(pulled).toEqual({ exitCode: 0, stdout: `${reference}\n`, stderr: "" });
      if (removed.exitCode !== 0) expect(removed.stderr).toBe(`wharf: No such image: ${reference}\n`);
      const present = await node.succeed("images", "-q", reference);
      if (present !== "") await runs(reference);
    }
  }, 240_000);

  it("while a container is made of it lets that run, or says that it is missing", async () => {
    const image = await busyboxImage({ layers: [randomLayer(1000)] });
    for (let round = 0; round < 6; round++) {
      await node.load("app", image);
      const [ran, removed] = await Promise.all([
        node.cli("run", "--rm", "--pull", "never", "--network", "none", "app", "ls", "/data"),
        node.cli("rmi", "app"),
      ]);

      if (ran.exitCode === 0) expect(ran).toEqual({ exitCode: 0, stdout: "/data\n", stderr: "" });
      else expect(ran).toEqual({ exitCode: 125, stdout: "", stderr: "wharf: No such image: app:latest\n" });
      if (removed.exitCode !== 0)
        expect(removed.stderr).toMatch(/^wharf: conflict: unable to (remove|delete) .* container [0-9a-f]{12} .*\n$/);
      expect(await node.client.containers.list()).toEqual([]);
    }
  }, 240_000);

  it("by ten commands at once goes once", async () => {
    await node.load("app", await busyboxImage({ layers: [randomLayer(1000)] }));

    const results = await Promise.all(Array.from({ length: 10 }, () => node.cli("rmi", "app")));

    const failed = results.filter(({ exitCode }) => exitCode !== 0);
    expect(failed.length).toBeLessThan(10);
    for (const { stderr } of failed) expect(stderr).toBe("wharf: No such image: app:latest\n");
    expect(await node.succeed("images", "-q")).toBe("");
  }, 120_000);
});
