import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { busyboxImage, type TestImage } from "../support/images.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { pushImage } from "../support/registry.ts";

const SOURCE = "containerd.io/distribution.source.127.0.0.1";

let node: TestNode;

beforeEach(async () => {
  node = await freshNamespace();
});

afterEach(async () => {
  await node[Symbol.asyncDispose]();
});

describe("an image", () => {
  it("of sixty layers is pulled, saved, loaded and run", async () => {
    const layers = Array.from({ length: 59 }, (_, index) => ({ entries: { [`layer-${index}`]: `${index}` } }));
    const reference = await push(await busyboxImage({ layers }));

    await node.succeed("pull", "-q", reference);

    expect(await filesOf(reference)).toBe("59");
    const [image] = JSON.parse(await node.succeed("image", "inspect", reference));
    expect(image.RootFS.Layers).toHaveLength(60);
    const file = `${process.env.TMPDIR ?? "/tmp"}/${node.namespace}.tar`;
    await node.succeed("save", "-o", file, reference);
    await node.succeed("rmi", reference);
    await node.succeed("load", "-q", "-i", file);
    await node.cli(
      "run",
      "--rm",
      "-v",
      `${file.slice(0, file.lastIndexOf("/"))}:/tmp`,
      "--network",
      "none",
      reference,
      "rm",
      file.replace(/^.*\//, "/tmp/"),
    );
    expect(await filesOf(reference)).toBe("59");
  }, 120_000);

  it("that came from more repositories than a label can name is pulled from one more, tagged and removed", async () => {
    const image = await busyboxImage({ layers: [{ entries: { own: node.namespace } }] });
    const first = await push(image, "first");
    await node.succeed("pull", "-q", first);
    const repositories = Array.from({ length: 80 }, (_, index) => `${node.namespace}/${"r".repeat(45)}-${index}`);
    const value = repositories.join(",").slice(0, 4096 - SOURCE.length);
    for (const digest of [image.target.digest, image.config.digest, ...image.layers.map(({ digest }) => digest)]) {
      await node.client.content.updateLabels(digest, { [SOURCE]: value });
    }

    const second = await push(image, "second");
    expect(await node.succeed("pull", "-q", second)).toBe(second);

    await node.succeed("tag", second, "mine:1");
    expect(await node.succeed("run", "--rm", "--network", "none", "mine:1", "cat", "/own")).toBe(node.namespace);
    expect((await node.client.content.info(image.target.digest)).labels[SOURCE]).toBe(value);
    for (const name of ["mine:1", second, first]) await node.succeed("rmi", name);
    expect(await node.succeed("images", "-q")).toBe("");
  }, 120_000);
});

async function push(image: TestImage, name = "app"): Promise<string> {
  return await pushImage(node.host.registry, `${node.namespace}/${name}`, image);
}

async function filesOf(reference: string): Promise<string> {
  return await node.succeed("run", "--rm", "--network", "none", reference, "sh", "-c", "ls -d /layer-* | wc -l");
}
