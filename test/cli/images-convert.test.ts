import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, buildIndex, busyboxImage, HOST_PLATFORM, randomLayer, type TestImage } from "../support/images.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { OwnHost } from "../support/own-host.ts";
import { pushImage } from "../support/registry.ts";

let directory: string;
let node: TestNode;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-convert-"));
  node = await freshNamespace();
});

afterEach(async () => {
  await node[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const OTHER = { os: "linux", architecture: "s390x" };
const own = `linux/${HOST_PLATFORM.architecture}`;

async function read(digest: string, of: TestNode = node) {
  return await of.client.content.readAll(digest);
}

/** The manifest that a name stands for. */
async function manifestOf(name: string) {
  const { target } = await node.client.images.get(`docker.io/library/${name}`);
  return { target, ...JSON.parse(Buffer.from(await read(target.digest)).toString()) };
}

describe("image convert", () => {
  it("compresses layers anew, and the file systems stay what they are", async () => {
    const image = await busyboxImage({ mediaTypes: "docker", layers: [{ entries: { note: "hello" } }] });
    await node.load("app:1", image);
    const forms = [
      { flag: "--zstd", type: "application/vnd.oci.image.layer.v1.tar+zstd", head: "28b52ffd" },
      { flag: "--uncompress", type: "application/vnd.docker.image.rootfs.diff.tar", head: "62696e2f" },
    ];
    for (const { flag, type, head } of forms) {
      const shown = await node.succeed("image", "convert", flag, "app:1", "app:new");

      const { target, config, layers } = await manifestOf("app:new");
      expect(shown.split("\n").at(-1)).toBe(target.digest);
      expect(config.digest).toBe(image.config.digest);
      expect(layers.map(({ mediaType }: { mediaType: string }) => mediaType)).toEqual([type, type]);
      const begin = Buffer.from(await read(layers[0].digest)).subarray(0, 4);
      expect(begin.toString("hex")).toBe(head);
      // Elsewhere the layers are unpacked anew, and compared with the diff IDs.
      const path = join(directory, "image.tar");
      await node.succeed("save", "-o", path, "app:new");
      await using other = await freshNamespace();
      expect(await other.succeed("load", "-i", path)).toBe("Loaded image: app:new");
      expect(await other.succeed("run", "--rm", "--network", "none", "app:new", "cat", "/note")).toBe("hello");
    }
    // Back to gzip, and with what is there nothing is done twice.
    await node.succeed("image", "convert", "--gzip", "app:new", "app:back");
    const back = await manifestOf("app:back");
    const [first] = back.layers;
    expect(first.mediaType).toBe("application/vnd.docker.image.rootfs.diff.tar.gzip");
    expect(
      `sha256:${createHash("sha256")
        .update(gunzipSync(await read(first.digest)))
        .digest("hex")}`,
    ).toBe(image.diffIds[0]);
    expect(await node.client.leases.list()).toEqual([]);
  });

  it("changes media types alone with --oci", async () => {
    const image = await buildImage({ layers: [randomLayer(1000)], mediaTypes: "docker" });
    await node.load("app:1", image);

    await node.succeed("image", "convert", "--oci", "-q", "app:1", "app:oci");

    const { target, mediaType, config, layers } = await manifestOf("app:oci");
    expect([target.mediaType, mediaType, config.mediaType, layers[0].mediaType]).toEqual([
      "application/vnd.oci.image.manifest.v1+json",
      "application/vnd.oci.image.manifest.v1+json",
      "application/vnd.oci.image.config.v1+json",
      "application/vnd.oci.image.layer.v1.tar+gzip",
    ]);
    expect(layers[0].digest).toBe(image.layers[0]?.digest);
  });

  it("keeps the platforms that are asked for, and without a word those that are here whole", async () => {
    const [mine, other] = await Promise.all([
      buildImage({ layers: [randomLayer(1000)] }),
      buildImage({ layers: [randomLayer(1000)], platform: OTHER }),
    ]);
    const third = await buildImage({ layers: [randomLayer(1000)], platform: { os: "linux", architecture: "riscv64" } });
    await node.load("app:1", await buildIndex([mine, other, third]));
    await node.client.content.delete(third.layers[0]?.digest ?? "");

    await node.succeed("image", "convert", "app:1", "app:here");
    const digests = (await manifestOf("app:here")).manifests.map(({ digest }: { digest: string }) => digest);
    expect(digests).toEqual([mine.target.digest, other.target.digest]);
    await node.succeed("image", "convert", "--platform", "linux/s390x", "app:1", "app:one");
    expect((await manifestOf("app:one")).target.digest).toBe(other.target.digest);
    expect(await node.cli("image", "convert", "--platform", "linux/riscv64", "app:1", "app:no")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "wharf: image app:1 is not here whole for linux/riscv64\nSee 'wharf image verify app:1'.\n",
    });
  });
});

describe("image verify and repair", () => {
  async function pulled(): Promise<{ reference: string; mine: TestImage; other: TestImage; image: TestImage }> {
    const mine = await buildImage({ layers: [randomLayer(10_000, "a"), randomLayer(20_000, "b")] });
    const other = await buildImage({ layers: [randomLayer(1000)], platform: OTHER });
    const image = await buildIndex([mine, other]);
    const reference = await pushImage(node.host.registry, `${node.namespace}/app:1`, image);
    await node.succeed("pull", "-q", reference);
    return { reference, mine, other, image };
  }

  const states = async (reference: string) => {
    const { exitCode, stdout } = await node.cli("image", "verify", "--format", "{{.Platform}} {{.State}}", reference);
    return { exitCode, states: stdout.split("\n").filter(Boolean) };
  };

  it("say what a platform lacks, and fetch just that", async () => {
    const { reference, mine, other } = await pulled();
    expect(await states(reference)).toEqual({ exitCode: 0, states: [`${own} complete`, "linux/s390x absent"] });
    expect(await node.succeed("image", "repair", reference)).toBe(`Nothing is missing of ${reference}`);

    const lost = mine.layers[1]?.digest ?? "";
    await node.client.content.delete(lost);
    expect(await states(reference)).toEqual({ exitCode: 1, states: [`${own} broken`, "linux/s390x absent"] });
    expect((await node.cli("image", "verify", reference)).stdout).toContain(`${lost} (`);
    expect((await node.cli("save", "-o", "/dev/null", reference)).exitCode).toBe(1);

    expect(await node.succeed("image", "repair", "-q", reference)).toBe(lost);
    expect((await states(reference)).exitCode).toBe(0);
    await node.succeed("save", "-o", "/dev/null", reference);

    const fetched = await node.succeed("image", "repair", "-q", "--platform", "linux/s390x", reference);
    expect(fetched.split("\n").sort()).toEqual(
      [other.target.digest, other.config.digest, other.layers[0]?.digest].sort(),
    );
    expect(await states(reference)).toEqual({ exitCode: 0, states: [`${own} complete`, "linux/s390x complete"] });
    // What was fetched is kept by the image, and goes with it.
    expect(await node.client.leases.list()).toEqual([]);
    const { id } = await node.client.leases.create();
    await node.client.leases.delete(id, { sync: true });
    expect((await states(reference)).exitCode).toBe(0);
    await node.succeed("rmi", reference);
    expect(await node.client.content.list()).toEqual([]);
  });

  it("trim an image to what is here", async () => {
    const { reference, mine } = await pulled();
    await node.succeed("tag", reference, "kept:1");

    expect(await node.succeed("image", "repair", "--trim", reference)).toBe(
      `Trimmed: ${reference} is ${mine.target.digest} now`,
    );

    expect(await states(reference)).toEqual({ exitCode: 0, states: [`${own} complete`] });
    expect((await states("kept:1")).states).toHaveLength(2);
    expect(await node.succeed("image", "repair", "--trim", reference)).toBe(`Nothing is missing of ${reference}`);
  });

  it("find bytes that are not what their digest says, and fetch them again", async () => {
    const { reference } = await pulled();
    await using host = await OwnHost.start({ registry: node.host.registry });
    await host.node.succeed("pull", "-q", reference);
    const [layer] = (await host.node.client.content.list()).filter(({ size }) => size > 15_000 && size < 30_000);
    const digest = layer?.digest ?? "";
    const path = join(
      host.containerd.directory,
      "root/io.containerd.content.v1.content/blobs",
      digest.replace(":", "/"),
    );
    const bytes = await readFile(path);
    bytes[1000] = (bytes[1000] ?? 0) ^ 1;
    await writeFile(path, bytes);

    expect((await host.node.cli("image", "verify", reference)).exitCode).toBe(0);
    const verified = await host.node.cli(
      "image",
      "verify",
      "--content",
      "--format",
      "{{.State}} {{.Damaged}}",
      reference,
    );
    expect(verified).toMatchObject({ exitCode: 1, stdout: expect.stringContaining(`broken ${digest} (`) });
    expect(await host.node.succeed("image", "repair", "-q", "--content", reference)).toBe(digest);
    expect((await host.node.cli("image", "verify", "--content", reference)).exitCode).toBe(0);
  });
});
