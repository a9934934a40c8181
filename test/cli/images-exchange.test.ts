import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { containerdPrograms } from "../support/containerd.ts";
import { Dockerd } from "../support/dockerd.ts";
import { buildImage, buildIndex, ociArchive, randomLayer, type TestImage, zstdFrame } from "../support/images.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { runProgram } from "../support/program.ts";
import { waitUntil } from "../support/wait-until.ts";

/** Archives of images, written by one program and read by another. */
let directory: string;
let node: TestNode;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-exchange-"));
  node = await freshNamespace();
});

afterEach(async () => {
  await node[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const OTHER = { os: "linux", architecture: "s390x" };

async function twoLayers(mediaTypes: "oci" | "docker" = "oci"): Promise<TestImage> {
  const layers = [randomLayer(100_000, "a"), randomLayer(50_000, "b")];
  return await buildImage({ layers, config: { Cmd: ["x"], Env: ["A=b"] }, mediaTypes });
}

/** The digests of all blobs, and what the names point at. */
async function contentOf(of: TestNode): Promise<{ blobs: string[]; targets: Record<string, string> }> {
  const blobs = (await of.client.content.list()).map(({ digest }) => digest).sort();
  const records = await of.client.images.list();
  return { blobs, targets: Object.fromEntries(records.map(({ name, target }) => [name, target.digest])) };
}

describe.each([
  { version: "20", features: [], keepsDigests: false },
  { version: "28", features: [], keepsDigests: false },
  { version: "28", features: ["containerd-snapshotter"], keepsDigests: true },
])("docker $version $features", ({ version, features, keepsDigests }) => {
  let dockerd: Dockerd;

  beforeAll(async () => {
    dockerd = await Dockerd.start({ version, features });
  });

  afterAll(async () => {
    await dockerd?.[Symbol.asyncDispose]();
  });

  it("loads what wharf saves, with all tags", async () => {
    const [one, two] = await Promise.all([twoLayers(), twoLayers("docker")]);
    await node.load("one:1", one);
    await node.succeed("tag", "one:1", "one:2");
    await node.load("registry.example/two:1", two);
    const path = join(directory, "images.tar");
    await node.succeed("save", "-o", path, "one", "registry.example/two:1");

    const loaded = await dockerd.docker("load", "-i", path);

    expect(
      loaded.stdout
        .split("\n")
        .filter((line) => line.startsWith("Loaded image: "))
        .sort(),
    ).toEqual(["Loaded image: one:1", "Loaded image: one:2", "Loaded image: registry.example/two:1"]);
    for (const [name, image] of [
      ["one:2", one],
      ["registry.example/two:1", two],
    ] as const) {
      const [shown] = JSON.parse((await dockerd.docker("image", "inspect", name)).stdout);
      expect(shown.Id).toBe(keepsDigests ? image.target.digest : image.config.digest);
      expect(shown.RootFS.Layers).toEqual(image.diffIds);
    }
  });

  it("saves what wharf loads, with all tags, plain and compressed", async () => {
    const image = await twoLayers("docker");
    await node.load("own:1", image);
    const path = join(directory, "image.tar");
    await node.succeed("save", "-o", path, "own:1");
    await dockerd.docker("load", "-i", path);
    await dockerd.docker("tag", "own:1", "registry.example/own:2");
    await dockerd.docker("save", "-o", path, "own:1", "registry.example/own:2");
    const archive = await readFile(path);
    for (const stdin of [archive, gzipSync(archive), zstdFrame(archive)]) {
      await using other = await freshNamespace();

      const { stdout, stderr } = await other.cliWith({ stdin }, "load");

      expect({ lines: stdout.split("\n").sort(), stderr }).toEqual({
        lines: ["", "Loaded image: own:1", "Loaded image: registry.example/own:2"],
        stderr: "",
      });
      const [shown] = JSON.parse(await other.succeed("image", "inspect", "registry.example/own:2"));
      expect(shown.Id).toBe(image.config.digest);
      expect(shown.RootFS.Layers).toEqual(image.diffIds);
      expect(shown.Config).toMatchObject({ Cmd: ["x"], Env: ["A=b"] });
    }
  });

  it("takes an image of several platforms, and one of which a platform is missing", async () => {
    const own = await twoLayers();
    const other = await buildImage({ layers: [randomLayer(1000)], platform: OTHER });
    const image = await buildIndex([own, other]);
    const path = join(directory, "image.tar");
    await node.load("both:1", image);
    await node.succeed("save", "-o", path, "both:1");
    await dockerd.docker("load", "-i", path);
    await node.succeed("rmi", "--platform", "linux/s390x", "both:1");
    await node.succeed("tag", "both:1", "part:1");
    await node.succeed("save", "-o", path, "part:1");
    await dockerd.docker("load", "-i", path);

    for (const name of ["both:1", "part:1"]) {
      const [shown] = JSON.parse((await dockerd.docker("image", "inspect", name)).stdout);
      expect(shown.Id).toBe(keepsDigests ? image.target.digest : own.config.digest);
    }
    await dockerd.docker("save", "-o", path, "both:1");
    await using third = await freshNamespace();
    await third.succeed("load", "-i", path);
    expect(await third.succeed("images", "-q", "--no-trunc", "both:1")).toBe(own.config.digest);
    const { digest } = (await third.client.images.get("docker.io/library/both:1")).target;
    expect(digest === image.target.digest).toBe(keepsDigests);
  });
});

describe("ctr", () => {
  async function ctr(...args: string[]): Promise<void> {
    const { address } = node.host;
    await runProgram(join(containerdPrograms(), "ctr"), ["-a", address, "-n", node.namespace, ...args]);
  }

  it("imports what wharf saves, and wharf loads what it exports, byte by byte", async () => {
    const own = await twoLayers();
    const other = await buildImage({ layers: [randomLayer(1000)], platform: OTHER });
    const image = await buildIndex([own, other]);
    const archive = await ociArchive(image, ["docker.io/library/app:1", "docker.io/library/app:2"]);
    const path = join(directory, "image.tar");
    await node.cliWith({ stdin: archive }, "load");
    const before = await contentOf(node);
    expect(before.targets).toEqual({
      "docker.io/library/app:1": image.target.digest,
      "docker.io/library/app:2": image.target.digest,
    });
    expect(before.blobs).toHaveLength(image.blobs.size + image.manifests.length);

    await node.succeed("save", "-o", path, "app");
    await node.succeed("rmi", "-f", own.config.digest);
    await ctr("images", "import", "--all-platforms", path);
    // ctr keeps the archive's own index, too.
    const { blobs, targets } = await contentOf(node);
    expect(targets).toEqual(before.targets);
    expect(blobs).toEqual(expect.arrayContaining(before.blobs));

    // By its transfer service ctr 2 may end before it has written all.
    const local = node.host.containerdVersion.startsWith("2.") ? ["--local"] : [];
    await ctr(
      "images",
      "export",
      ...local,
      "--all-platforms",
      path,
      "docker.io/library/app:1",
      "docker.io/library/app:2",
    );
    await node.succeed("rmi", "-f", own.config.digest);
    await waitUntil("nothing is left", async () => {
      // A lease of ctr's own ends in its own time.
      for (const { id } of await node.client.leases.list()) await node.client.leases.delete(id, { sync: true });
      return (await contentOf(node)).blobs.length === 0;
    });
    await node.succeed("load", "-i", path);
    expect(await contentOf(node)).toEqual(before);
  });
});

describe("umoci", () => {
  it("unpacks what wharf saves, and wharf loads what it writes", async () => {
    await node.load("app:1", await twoLayers());
    const path = join(directory, "image.tar");
    const layout = join(directory, "layout");
    await mkdir(layout);
    await node.succeed("save", "-o", path, "app:1");
    await runProgram("tar", ["-xf", path, "-C", layout]);

    await runProgram("umoci", ["unpack", "--image", `${layout}:1`, join(directory, "bundle")]);
    expect(await readFile(join(directory, "bundle/rootfs/a"))).toHaveLength(100_000);

    const written = join(directory, "written");
    await runProgram("umoci", ["init", "--layout", written]);
    await runProgram("umoci", ["new", "--image", `${written}:new`]);
    await runProgram("umoci", ["unpack", "--image", `${written}:new`, join(directory, "empty")]);
    await writeFile(join(directory, "empty/rootfs/made"), "made");
    await runProgram("umoci", ["repack", "--image", `${written}:new`, join(directory, "empty")]);
    await runProgram("tar", ["-cf", path, "-C", written, "."]);
    const loaded = await node.succeed("load", "-i", path);
    const [id] = /sha256:[0-9a-f]{64}/.exec(loaded) ?? [""];
    expect(await node.succeed("images", "-q", "--no-trunc", "-f", "dangling=true")).toBe(id);
  });
});

describe("load --platform", () => {
  it("keeps of an archive what is for one platform, and refuses one that it lacks", async () => {
    const own = await twoLayers();
    const other = await buildImage({ layers: [randomLayer(1000)], platform: OTHER });
    const image = await buildIndex([own, other]);
    const stdin = await ociArchive(image, ["docker.io/library/app:1"]);

    const { stdout } = await node.cliWith({ stdin }, "load", "--platform", "linux/s390x");

    expect(stdout).toBe("Loaded image: app:1\n");
    const expected = [image.target.digest, other.target.digest, other.config.digest, other.layers[0]?.digest];
    // What is not kept goes with the next collection.
    const { id } = await node.client.leases.create();
    await node.client.leases.delete(id, { sync: true });
    expect((await contentOf(node)).blobs).toEqual(expected.sort());
    expect(await node.cliWith({ stdin }, "load", "--platform", "linux/riscv64")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        "wharf: image with reference app:1 was found but its platform does not match the specified platform (linux/riscv64)\n",
    });
  });
});
