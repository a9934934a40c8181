import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, dockerArchive, ociArchive, randomLayer, type TestImage } from "../support/images.ts";
import { freshNamespace } from "../support/namespace.ts";
import { runProgram } from "../support/program.ts";
import { pushImage } from "../support/registry.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-archive-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function twoLayers(): Promise<TestImage> {
  return await buildImage({ layers: [randomLayer(100_000, "a"), randomLayer(50_000, "b")], config: { Cmd: ["x"] } });
}

async function skopeo(...args: string[]): Promise<string> {
  return (await runProgram("skopeo", args)).stdout;
}

describe("load", () => {
  it.each([
    ["an OCI layout", ociArchive],
    ["docker's archive", dockerArchive],
  ])("takes %s, from a file and from stdin, plain and compressed", async (_, archive) => {
    const image = await twoLayers();
    const bytes = await archive(image, ["docker.io/library/app:1", "docker.io/library/app:2"]);
    const path = join(directory, "image.tar");
    await writeFile(path, bytes);
    const loaded = "Loaded image: app:1\nLoaded image: app:2\n";
    await using fromFile = await freshNamespace();
    await using fromStdin = await freshNamespace();

    expect(await fromFile.cli("load", "-i", path)).toEqual({ exitCode: 0, stdout: loaded, stderr: "" });
    expect(await fromStdin.cliWith({ stdin: gzipSync(bytes) }, "load")).toEqual({
      exitCode: 0,
      stdout: loaded,
      stderr: "",
    });

    for (const node of [fromFile, fromStdin]) {
      expect(await node.succeed("images", "-q", "--no-trunc", "app:2")).toBe(image.config.digest);
      const snapshots = await node.client.snapshots.list();
      expect(snapshots.map(({ kind }) => kind)).toEqual(["committed", "committed"]);
      expect(await node.client.leases.list()).toEqual([]);
      await node.succeed("rmi", "-f", image.config.digest);
      expect(await node.client.content.list()).toEqual([]);
    }
  });

  it("loads again what is there, and again after an interruption", async () => {
    await using node = await freshNamespace();
    const bytes = await ociArchive(await twoLayers(), ["docker.io/library/app:1"]);

    expect(await node.cliWith({ stdin: bytes.subarray(0, 60_000) }, "load")).toMatchObject({
      exitCode: 1,
      stderr: "wharf: unexpected EOF\n",
    });
    for (let times = 0; times < 2; times++) {
      expect(await node.cliWith({ stdin: bytes }, "load")).toMatchObject({ stdout: "Loaded image: app:1\n" });
    }
  });

  it("says which image lost its name, and what an image without a name is called", async () => {
    await using node = await freshNamespace();
    const [older, newer] = [await twoLayers(), await twoLayers()];
    await node.cliWith({ stdin: await ociArchive(older, ["docker.io/library/app:1"]) }, "load");

    expect((await node.cliWith({ stdin: await ociArchive(newer, ["docker.io/library/app:1"]) }, "load")).stdout).toBe(
      `The image app:1 already exists, renaming the old one with ID ${older.config.digest} to empty string\nLoaded image: app:1\n`,
    );
    expect((await node.cliWith({ stdin: await dockerArchive(older, []) }, "load")).stdout).toBe(
      `Loaded image ID: ${older.config.digest}\n`,
    );
    expect(await node.succeed("images", "-q", "--no-trunc", "-f", "dangling=true")).toBe(older.config.digest);
  });

  it("refuses what is no archive of images", async () => {
    await using node = await freshNamespace();
    const empty = pack();
    empty.entry({ name: "hello.txt" }, "hello");
    empty.finalize();
    const hello: Buffer[] = [];
    for await (const chunk of empty) hello.push(chunk as Buffer);
    const cases: [Buffer, string][] = [
      [Buffer.alloc(2048, "x"), "archive/tar: invalid tar header"],
      [Buffer.alloc(0), "unrecognized image format: the archive has neither index.json nor manifest.json"],
      [Buffer.concat(hello), "unrecognized image format: the archive has neither index.json nor manifest.json"],
      [Buffer.from("BZh91AY&SY"), "cannot read bzip2 here: decompress the archive first"],
    ];
    for (const [stdin, message] of cases) {
      expect(await node.cliWith({ stdin }, "load")).toEqual({ exitCode: 1, stdout: "", stderr: `wharf: ${message}\n` });
    }
    expect(await node.cli("load", "-i", join(directory, "nope"))).toMatchObject({
      exitCode: 1,
      stderr: `wharf: open ${join(directory, "nope")}: no such file or directory\n`,
    });
    expect(await node.client.leases.list()).toEqual([]);
  });

  it("refuses a blob that is not what its name says", async () => {
    await using node = await freshNamespace();
    const image = await twoLayers();
    const [first] = image.layers as [TestImage["layers"][0]];
    const bytes = Buffer.from(await ociArchive(image, ["docker.io/library/app:1"]));
    const start = bytes.indexOf(image.blobs.get(first.digest) as Buffer);
    bytes[start + 200] = (bytes[start + 200] ?? 0) ^ 1;

    const { exitCode, stderr } = await node.cliWith({ stdin: bytes }, "load");

    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("unexpected commit digest"),
    });
    expect(await node.client.images.list()).toEqual([]);
  });
});

describe("save", () => {
  it("writes what wharf, skopeo and the OCI layout's readers load", async () => {
    await using node = await freshNamespace();
    const image = await twoLayers();
    const reference = await pushImage(node.host.registry, `${node.namespace}/app:1`, image);
    await node.succeed("pull", "-q", reference);
    await node.succeed("tag", reference, "other:2");
    const path = join(directory, "images.tar");

    expect(await node.cli("save", "-o", path, reference, "other:2")).toEqual({ exitCode: 0, stdout: "", stderr: "" });

    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(["images.tar"]);
    expect(
      JSON.parse(await skopeo("inspect", "--config", `docker-archive:${path}:${reference}`)).rootfs.diff_ids,
    ).toEqual(image.diffIds);
    expect(JSON.parse(await skopeo("inspect", "--raw", `oci-archive:${path}:2`)).config.digest).toBe(
      image.config.digest,
    );
    await using other = await freshNamespace();
    expect(await other.succeed("load", "-i", path)).toBe(`Loaded image: ${reference}\nLoaded image: other:2`);
    expect(await other.succeed("images", "-q", "--no-trunc", "other")).toBe(image.config.digest);
  });

  it("writes to stdout what it writes to a file, and the same each time", async () => {
    await using node = await freshNamespace();
    await node.load("app", await twoLayers());
    const path = join(directory, "image.tar");
    const save = async () => {
      const running = node.start({}, "save", "app");
      await running.result;
      return running.stdoutBytes;
    };

    await node.succeed("save", "-o", path, "app");

    expect((await save()).equals(await readFile(path))).toBe(true);
    expect((await save()).equals(await save())).toBe(true);
  });

  it("takes all tags of a repository, and an ID without any", async () => {
    await using node = await freshNamespace();
    const image = await twoLayers();
    await node.load("app:1", image);
    await node.succeed("tag", "app:1", "app:2");
    await node.succeed("tag", "app:1", "other");
    const tagsIn = async (...images: string[]) => {
      const path = join(directory, "image.tar");
      await node.succeed("save", "-o", path, ...images);
      const { stdout } = await runProgram("tar", ["-xOf", path, "manifest.json"]);
      return JSON.parse(stdout).map(({ RepoTags }: { RepoTags: string[] | null }) => RepoTags);
    };

    expect(await tagsIn("app")).toEqual([["app:1", "app:2"]]);
    expect(await tagsIn(image.config.digest)).toEqual([null]);
    expect(await tagsIn("other", "app:2")).toEqual([["other:latest", "app:2"]]);
  });

  it("refuses a terminal, and places that cannot be written", async () => {
    await using node = await freshNamespace();
    await node.load("app", await twoLayers());

    expect(await node.cliWith({ tty: true }, "save", "app")).toMatchObject({
      exitCode: 1,
      stdout: "wharf: cowardly refusing to save to a terminal. Use the -o flag or redirect\r\n",
    });
    const nowhere = join(directory, "nope", "image.tar");
    expect(await node.cli("save", "-o", nowhere, "app")).toMatchObject({
      exitCode: 1,
      stderr: `wharf: invalid output path: stat ${join(directory, "nope")}: no such file or directory\n`,
    });
  });

  it("writes nothing when an image or its content is missing", async () => {
    await using node = await freshNamespace();
    const image = await twoLayers();
    await node.load("app", image);
    const path = join(directory, "image.tar");

    expect(await node.cli("save", "-o", path, "app", "nope")).toMatchObject({
      exitCode: 1,
      stderr: "wharf: No such image: nope\n",
    });
    await node.client.content.delete(image.layers[1]?.digest ?? "");
    expect(await node.cli("save", "-o", path, "app")).toMatchObject({
      exitCode: 1,
      stderr: `wharf: content ${image.layers[1]?.digest} is missing\npull the image again\n`,
    });
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("archives of skopeo", () => {
  it.each(["docker-archive", "oci-archive"])("load from %s", async (format) => {
    await using node = await freshNamespace();
    const image = await twoLayers();
    const reference = await pushImage(node.host.registry, `${node.namespace}/app:1`, image);
    const path = join(directory, "image.tar");
    await skopeo("copy", "--src-tls-verify=false", `docker://${reference}`, `${format}:${path}:example.com/app:7`);

    await node.succeed("load", "-i", path);

    const [shown] = JSON.parse(await node.succeed("image", "inspect", "example.com/app:7"));
    expect(shown.RootFS.Layers).toEqual(image.diffIds);
    expect(shown.RepoTags).toEqual(["example.com/app:7"]);
  });
});
