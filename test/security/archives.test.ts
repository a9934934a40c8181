import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImage, digestOf, dockerArchive, randomLayer, type TestImage } from "../support/images.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";

let node: TestNode;
let image: TestImage;

beforeAll(async () => {
  node = await freshNamespace();
  image = await buildImage({ layers: [randomLayer(1000)] });
});

afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

type Member = readonly [name: string, content: string | Buffer] | readonly [header: Partial<Header> & { name: string }];

async function tarOf(...members: readonly Member[]): Promise<Buffer> {
  const archive = pack();
  for (const [head, content] of members) {
    if (typeof head === "string") archive.entry({ name: head }, content as Buffer);
    else archive.entry(head);
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const blobPath = (bytes: Buffer) => `blobs/sha256/${digestOf(bytes).slice("sha256:".length)}`;
const json = (value: unknown) => JSON.stringify(value);
const dockerManifest = (Config: unknown, Layers: unknown = []) => json([{ Config, Layers, RepoTags: ["evil:latest"] }]);

/** What `load` says to an archive; it must fail without calling that a defect of its own, and leave nothing recorded. */
async function refusal(archive: Buffer): Promise<string> {
  const { exitCode, stdout, stderr } = await node.cliWith({ stdin: archive }, "load");
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(stderr).not.toContain("internal error");
  expect(await node.client.images.list()).toEqual([]);
  return stderr;
}

describe("load refuses an archive", () => {
  it.each(["../../wharf-escaped.json", "a/../../wharf-escaped.tar"])("with the member %s", async (name) => {
    expect(await refusal(await tarOf([name, "{}"]))).toContain("invalid path in the archive");
  });

  it("whose absolute names or links want to be files of the host", async () => {
    const archive = await tarOf(
      ["/run/wharf-escaped.json", "{}"],
      [{ name: "config.json", type: "symlink", linkname: "/etc/passwd" }],
      [{ name: "layer.tar", type: "link", linkname: "/etc/passwd" }],
      ["manifest.json", dockerManifest("config.json", ["layer.tar"])],
    );
    expect(await refusal(archive)).toContain('the archive lacks "config.json"');
    expect(existsSync("/run/wharf-escaped.json")).toBe(false);
  });

  it.each([
    ["/etc/passwd", []],
    ["../../../etc/passwd", []],
    ["c.json", ["../../../../etc/shadow"]],
    ["c.json", ["/dev/zero"]],
  ])("whose manifest names %s and %j", async (config, layers) => {
    const archive = await tarOf(["c.json", "{}"], ["manifest.json", dockerManifest(config, layers)]);
    expect(await refusal(archive)).toContain("the archive lacks");
  });

  it("with devices, FIFOs and directories in the place of blobs", async () => {
    const archive = await tarOf(
      [{ name: "c.json", type: "fifo" }],
      [{ name: "l.tar", type: "character-device", devmajor: 1, devminor: 5 }],
      [{ name: "index.json", type: "directory" }],
      ["manifest.json", dockerManifest("c.json", ["l.tar"])],
    );
    expect(await refusal(archive)).toContain('the archive lacks "c.json"');
  });

  it("of which a blob is not what its name says, also where a good one came before", async () => {
    const [layer] = image.layers as [TestImage["layers"][0]];
    const good = image.blobs.get(layer.digest) as Buffer;
    const changed = Buffer.from(good);
    changed[10] = (changed[10] as number) ^ 1;
    const later = Buffer.from("another blob");
    const archive = await tarOf([blobPath(later), Buffer.from("Another blob")], [blobPath(good), changed]);
    expect(await refusal(archive)).toMatch(/unexpected (commit )?digest|digest/);
  });

  it.each(["index.json", "manifest.json", `blobs/sha256/${"0".repeat(64)}`])(
    "that claims more bytes than there are for %s",
    async (name) => {
      const archive = await tarOf([name, "{}"]);
      const huge = Buffer.from(archive);
      // As many bytes as a tar header can name: 2^63 - 1, in base 256.
      huge.fill(0xff, 124, 136);
      huge[124] = 0x80;
      huge.writeBigUInt64BE(0x7fff_ffff_ffff_ffffn, 128);
      huge.write("        ", 148);
      const sum = huge.subarray(0, 512).reduce((total, byte) => total + byte, 0);
      huge.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
      expect(await refusal(huge)).not.toBe("");
    },
  );

  it("that grows without end when it is decompressed, where it would be held in memory", async () => {
    const spaces = Buffer.alloc(40 << 20, " ");
    const config = await tarOf(["c.json", spaces], ["manifest.json", dockerManifest("c.json")]);
    expect(await refusal(gzipSync(config, { level: 1 }))).toContain("is too large for a document");
    const index = await tarOf(["index.json", spaces]);
    expect(await refusal(gzipSync(index, { level: 1 }))).toContain("index.json in the archive is larger than");
  });

  it.each([
    ["index.json", "[".repeat(100_000)],
    ["index.json", json({ schemaVersion: 2, manifests: [null] })],
    ["index.json", json({ schemaVersion: 2, manifests: [{ mediaType: 5, digest: {}, size: "x" }] })],
    ["index.json", json({ schemaVersion: 2, manifests: [{ ...emptyDescriptor(), annotations: { a: 5 } }] })],
    ["index.json", json({ schemaVersion: 2, manifests: [{ ...emptyDescriptor(), platform: "linux" }] })],
    ["manifest.json", "null"],
    ["manifest.json", json([null])],
    ["manifest.json", json([{ Config: ["c.json"], Layers: "x" }])],
    ["manifest.json", json([{ Config: "c.json", Layers: [{}], RepoTags: "x" }])],
  ])("whose %s is %s", async (name, content) => {
    expect(await refusal(await tarOf([name, content]))).toContain("malformed");
  });

  it.each([
    ["null"],
    ["[]"],
    [json({ rootfs: null })],
    [json({ rootfs: { diff_ids: [5] } })],
    [json({ rootfs: { diff_ids: [] }, os: 5 })],
    [json({ rootfs: { diff_ids: [] }, config: "x" })],
    [json({ rootfs: { diff_ids: [] }, config: { Env: "PATH=/" } })],
    [`{"rootfs":{"diff_ids":[]},"x":${"[".repeat(5000)}${"]".repeat(5000)}}`],
  ])("whose config is %s", async (config) => {
    const archive = await tarOf(["c.json", config], ["manifest.json", dockerManifest("c.json")]);
    expect(await refusal(archive)).toContain("malformed image config");
  });
});

it("load takes an honest archive after all of these", async () => {
  const archive = await dockerArchive(image, ["docker.io/library/honest:latest"]);
  expect(await node.cliWith({ stdin: archive }, "load")).toEqual({
    exitCode: 0,
    stdout: "Loaded image: honest:latest\n",
    stderr: "",
  });
});

function emptyDescriptor(): object {
  return { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: `sha256:${"0".repeat(64)}`, size: 2 };
}
