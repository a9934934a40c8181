import { describe, expect, it } from "vitest";
import { buildImage, buildIndex, busyboxImage, randomLayer, type TestImage } from "../support/images.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { freePort, pushImage } from "../support/registry.ts";
import { startRegistryProxy } from "../support/registry-proxy.ts";

const OTHER = { os: "linux", architecture: "s390x" };

async function push(node: TestNode, name: string, image: TestImage): Promise<string> {
  return await pushImage(node.host.registry, `${node.namespace}/${name}`, image);
}

const digestsOf = async ({ client }: TestNode) => (await client.content.list()).map(({ digest }) => digest).sort();
const allDigests = (image: TestImage) =>
  [...image.manifests.map(({ descriptor }) => descriptor.digest), ...image.blobs.keys()].sort();

describe("pull", () => {
  it("--all-platforms fetches all that an index has, once, and unpacks this machine's", async () => {
    await using node = await freshNamespace();
    const shared = randomLayer(3000, "shared");
    const image = await buildIndex([
      await buildImage({ layers: [shared, randomLayer(1000, "own")] }),
      await buildImage({ layers: [shared], platform: OTHER }),
    ]);
    const reference = await push(node, "app", image);

    const { exitCode, stderr } = await node.cli("pull", "--all-platforms", reference);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(await digestsOf(node)).toEqual(allDigests(image));
    expect(await node.client.snapshots.list()).toHaveLength(2);
    expect(await node.client.leases.list()).toEqual([]);
    // Nothing of it is collected.
    const { id } = await node.client.leases.create();
    await node.client.leases.delete(id, { sync: true });
    expect(await digestsOf(node)).toEqual(allDigests(image));
  });

  it("--all-platforms takes an image that is for other machines alone", async () => {
    await using node = await freshNamespace();
    const image = await buildIndex([await buildImage({ layers: [randomLayer(1000)], platform: OTHER })]);
    const reference = await push(node, "app", image);

    expect((await node.cli("pull", reference)).exitCode).toBe(1);
    expect(await node.succeed("pull", "-q", "--all-platforms", reference)).toBe(reference);

    expect(await digestsOf(node)).toEqual(allDigests(image));
    expect(await node.client.snapshots.list()).toEqual([]);
  });

  it("--unpack=false leaves the image as it came, and it is unpacked when it is run", async () => {
    await using node = await freshNamespace();
    const image = await busyboxImage();
    const reference = await push(node, "box", image);

    expect((await node.cli("pull", "--unpack=false", reference)).exitCode).toBe(0);
    expect(await digestsOf(node)).toEqual(allDigests(image));
    expect(await node.client.snapshots.list()).toEqual([]);

    expect(await node.succeed("run", "--rm", "--network", "none", reference, "echo", "ran")).toBe("ran");
  });

  it("takes several images at once; one that fails keeps no other from coming", async () => {
    await using node = await freshNamespace();
    const shared = randomLayer(200_000, "shared");
    const [a, b] = [await buildImage({ layers: [shared] }), await buildImage({ layers: [shared, randomLayer(10)] })];
    const references = [await push(node, "a", a), `127.0.0.1:${await freePort()}/gone:1`, await push(node, "b", b)];

    const { exitCode, stdout, stderr } = await node.cli("pull", ...references);

    expect(exitCode).toBe(1);
    expect(stderr).toContain("wharf: cannot reach registry");
    const lines = stdout.split("\n");
    expect(lines.slice(-3)).toEqual([references[0], references[2], ""]);
    for (const [index, image] of [
      [0, a],
      [2, b],
    ] as const) {
      expect(lines).toContain(`${references[index]}: Digest: ${image.target.digest}`);
      expect(lines).toContain(`${references[index]}: Status: Downloaded newer image for ${references[index]}`);
    }
    expect((await node.client.images.list()).map(({ name }) => name).sort()).toEqual([references[0], references[2]]);
  });

  it("-a takes every tag of a repository", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(1000)] });
    const one = await push(node, "app:one", image);
    const two = await push(node, "app:two", image);

    const { exitCode, stdout } = await node.cli("pull", "-a", one.replace(/:one$/, ""));

    expect(exitCode).toBe(0);
    expect((await node.client.images.list()).map(({ name }) => name).sort()).toEqual([one, two].sort());
    expect(stdout).toContain(`one: Pulling from ${node.namespace}/app\n`);
    expect(stdout).toContain(`two: Pulling from ${node.namespace}/app\n`);
  });

  it("asks a registry for no blob that another repository or another namespace has brought", async () => {
    await using node = await freshNamespace();
    await using neighbour = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(50_000)] });
    await push(node, "app", image);
    await push(node, "copy", image);
    await using proxy = await startRegistryProxy(node.host.registry);
    const [app, copy] = ["app", "copy"].map((name) => `${proxy.host}/${node.namespace}/${name}:latest`) as [
      string,
      string,
    ];

    await node.succeed("pull", "-q", app);
    expect(proxy.blobRequests.size).toBe(2);
    await node.succeed("pull", "-q", copy);
    await neighbour.succeed("pull", "-q", app);

    expect([...proxy.blobRequests.values()]).toEqual([1, 1]);
    expect(await digestsOf(neighbour)).toEqual(allDigests(image));
    expect(await neighbour.client.snapshots.list()).toHaveLength(1);
  });

  it("--progress json is a line of JSON for each step, of docker's words, and nothing else", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(300_000)] });
    const reference = await push(node, "app", image);

    const { exitCode, stdout } = await node.cli("pull", "--progress", "json", reference);

    expect(exitCode).toBe(0);
    const messages = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const id = image.layers[0]?.digest.slice(7, 19);
    expect(messages.every((message) => message.image === reference)).toBe(true);
    expect(messages[0]).toMatchObject({ status: `Pulling from ${node.namespace}/app`, id: "latest" });
    const own = messages.filter((message) => message.id === id).map(({ status }) => status);
    expect([...new Set(own)]).toEqual([
      "Pulling fs layer",
      "Downloading",
      "Download complete",
      "Extracting",
      "Pull complete",
    ]);
    const size = image.layers[0]?.size;
    expect(messages.findLast(({ status }) => status === "Total").progressDetail).toMatchObject({
      current: size,
      total: size,
    });
    expect(messages.at(-2)).toMatchObject({ status: `Digest: ${image.target.digest}` });
  });

  it("--progress is refused where it is none", async () => {
    await using node = await freshNamespace();
    const { exitCode, stderr } = await node.cli("pull", "--progress", "loud", "x");

    expect(exitCode).toBe(125);
    expect(stderr).toContain('invalid argument "loud" for "--progress" flag');
  });
});
