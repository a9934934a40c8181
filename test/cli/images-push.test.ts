import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, buildIndex, HOST_PLATFORM, randomLayer, type TestImage } from "../support/images.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { pushImage } from "../support/registry.ts";
import { ResumingRegistry } from "../support/resuming-registry.ts";

let node: TestNode;

beforeEach(async () => {
  node = await freshNamespace();
});

afterEach(async () => {
  await node[Symbol.asyncDispose]();
});

/** A registry shows what of OCI's it has to those alone who say that they know it. */
const ACCEPTED = ["manifest.v1", "index.v1"].map((kind) => `application/vnd.oci.image.${kind}+json`).join(", ");
const OTHER = { os: "linux", architecture: "s390x" };
const short = (digest: string) => digest.slice(7, 19);

async function twoLayers(): Promise<TestImage> {
  return await buildImage({ layers: [randomLayer(400_000, "a"), randomLayer(300_000, "b")] });
}

/** A name in the registry that no other test has. */
function nameOf(repository = "app"): string {
  return `${node.host.registry}/${node.namespace}/${repository}`;
}

/** What the registry has under a tag. */
async function manifestAt(reference: string) {
  const [, host = "", repository = "", tag = ""] = /^([^/]+)\/(.+):([^:]+)$/.exec(reference) ?? [];
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers: { accept: ACCEPTED } });
  return {
    status: response.status,
    digest: response.headers.get("docker-content-digest"),
    body: await response.text(),
  };
}

/** A registry before which somebody stands who counts what is asked, and may cut a connection. */
class Toll implements AsyncDisposable {
  readonly requests: string[] = [];
  /** Bodies of uploads are cut after so many bytes, once for each entry. */
  cuts: number[] = [];
  private readonly server: Server;

  private constructor(private readonly registry: string) {
    this.server = createServer((request, response) => {
      this.requests.push(`${request.method} ${(request.url ?? "").split("?")[0]?.replace(/uploads\/.+/, "uploads/…")}`);
      const [hostname, port] = this.registry.split(":");
      const { method, url, headers } = request;
      const forwarded = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      forwarded.on("error", () => response.destroy());
      const cut = method === "PATCH" ? this.cuts.shift() : undefined;
      let passed = 0;
      request.on("data", (chunk: Buffer) => {
        passed += chunk.length;
        forwarded.write(chunk);
        if (cut === undefined || passed < cut) return;
        forwarded.destroy();
        request.destroy();
      });
      request.on("end", () => forwarded.end());
    });
  }

  static async before(registry: string): Promise<Toll> {
    const toll = new Toll(registry);
    await new Promise<void>((resolve) => toll.server.listen(0, "127.0.0.1", resolve));
    return toll;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  countOf(pattern: RegExp): number {
    return this.requests.filter((line) => pattern.test(line)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe("push", () => {
  it("uploads an image with its digest, and says what docker says", async () => {
    const image = await twoLayers();
    const reference = `${nameOf()}:1`;
    await node.load(reference, image);

    const { exitCode, stdout, stderr } = await node.cli("push", reference);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines[0]).toBe(`The push refers to repository [${nameOf()}]`);
    for (const { digest } of image.layers) {
      expect(lines).toEqual(expect.arrayContaining([`${short(digest)}: Preparing`, `${short(digest)}: Pushed`]));
    }
    expect(lines.slice(-2)).toEqual([`1: digest: ${image.target.digest} size: ${image.target.size}`, ""]);
    expect((await manifestAt(reference)).digest).toBe(image.target.digest);

    // It is known by that digest from now on, and what is there is not sent again.
    expect(await node.succeed("images", "--format", "{{.Digest}}", nameOf())).toBe(image.target.digest);
    expect(await node.succeed("push", reference)).toContain(
      `${short(image.layers[0]?.digest ?? "")}: Layer already exists`,
    );
    expect(await node.succeed("push", "-q", reference)).toBe(reference);
    await using other = await freshNamespace();
    await other.succeed("pull", "-q", reference);
    expect(await other.succeed("images", "-q", "--no-trunc")).toBe(image.config.digest);
  });

  it("takes the tag latest by itself, and all tags with -a", async () => {
    for (const tag of ["latest", "two", "three"]) await node.load(`${nameOf()}:${tag}`, await twoLayers());

    expect((await node.succeed("push", nameOf())).split("\n")[0]).toBe("Using default tag: latest");
    expect((await manifestAt(`${nameOf()}:two`)).status).toBe(404);
    const lines = (await node.succeed("push", "-a", nameOf())).split("\n");
    expect(lines.filter((line) => / digest: /.test(line)).map((line) => line.split(":")[0])).toEqual([
      "latest",
      "three",
      "two",
    ]);
    expect((await manifestAt(`${nameOf()}:two`)).status).toBe(200);
    expect(await node.cli("push", "-a", `${nameOf()}:two`)).toMatchObject({
      exitCode: 1,
      stderr: "wharf: tag can't be used with --all-tags/-a\n",
    });
    expect(await node.cli("push", `${nameOf()}:nope`)).toEqual({
      exitCode: 1,
      stdout: `The push refers to repository [${nameOf()}]\n`,
      stderr: `wharf: An image does not exist locally with the tag: ${nameOf()}\n`,
    });
  });

  it("has the registry take layers over from where they came from", async () => {
    const image = await twoLayers();
    const source = await pushImage(node.host.registry, `${node.namespace}/source:1`, image);
    await node.succeed("pull", "-q", source);
    await node.succeed("tag", source, `${nameOf()}:1`);

    const shown = await node.succeed("push", `${nameOf()}:1`);

    for (const { digest } of image.layers) {
      expect(shown).toContain(`${short(digest)}: Mounted from ${node.namespace}/source`);
    }
    expect((await manifestAt(`${nameOf()}:1`)).digest).toBe(image.target.digest);
  });

  it("goes on with an upload that was cut where it was cut", async () => {
    await using registry = await ResumingRegistry.start();
    const image = await buildImage({ layers: [randomLayer(8_000_000)] });
    const [layer] = image.layers;
    const reference = `${registry.host}/cut:1`;
    await node.load(reference, image);
    registry.cuts = [3_000_000, 2_000_000];

    await node.succeed("push", "-q", reference);

    expect(registry.manifests.get("1")?.toString()).toBe(image.manifests[0]?.bytes.toString());
    // Kept by a digest that the registry has worked out itself.
    expect([...registry.blobs.keys()].sort()).toEqual([image.config.digest, layer?.digest].sort());
    // One upload for the layer, in three pieces, each of which begins where the one before ended; one for the config.
    const last = (layer?.size ?? 0) - 1;
    expect(registry.requests.filter((line) => line.startsWith("PATCH"))).toEqual([
      "PATCH whole",
      `PATCH 3000000-${last}`,
      `PATCH 5000000-${last}`,
    ]);
    expect(registry.requests.filter((line) => line === "POST")).toHaveLength(2);
  });

  it("begins again where the registry has forgotten an upload that was cut", async () => {
    await using toll = await Toll.before(node.host.registry);
    const image = await buildImage({ layers: [randomLayer(2_000_000)] });
    const reference = `${toll.host}/${node.namespace}/cut:1`;
    await node.load(reference, image);
    toll.cuts = [1_000_000, 500_000];

    await node.succeed("push", "-q", reference);

    expect((await manifestAt(reference)).digest).toBe(image.target.digest);
    expect(toll.countOf(/^PATCH /)).toBe(3);
  });

  it("pushes all platforms, or the one that is asked for", async () => {
    const own = await twoLayers();
    const other = await buildImage({ layers: [randomLayer(1000)], platform: OTHER });
    const image = await buildIndex([own, other]);
    await node.load(`${nameOf()}:all`, image);
    await node.succeed("tag", `${nameOf()}:all`, `${nameOf("one")}:1`);

    await node.succeed("push", "-q", `${nameOf()}:all`);
    expect((await manifestAt(`${nameOf()}:all`)).digest).toBe(image.target.digest);
    await node.succeed("push", "-q", "--platform", "linux/s390x", `${nameOf("one")}:1`);
    expect((await manifestAt(`${nameOf("one")}:1`)).digest).toBe(other.target.digest);
    expect(await node.cli("push", "--platform", "linux/riscv64", `${nameOf("one")}:1`)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("does not provide the specified platform (linux/riscv64)"),
    });
  });

  it("is not hindered by platforms that are not here", async () => {
    const images = await Promise.all([
      twoLayers(),
      buildImage({ layers: [randomLayer(1000)], platform: OTHER }),
      buildImage({ layers: [randomLayer(1000)], platform: { os: "linux", architecture: "riscv64" } }),
    ]);
    const [own, second, third] = images as [TestImage, TestImage, TestImage];
    const image = await buildIndex(images);
    const source = await pushImage(node.host.registry, `${node.namespace}/source:1`, image);
    await node.succeed("pull", "-q", source);

    // Where the registry has the rest, the image goes there whole.
    await node.succeed("tag", source, `${node.host.registry}/${node.namespace}/source:2`);
    await node.succeed("push", "-q", `${node.host.registry}/${node.namespace}/source:2`);
    expect((await manifestAt(`${node.host.registry}/${node.namespace}/source:2`)).digest).toBe(image.target.digest);

    // Where it has not, the platform that is here goes, and its owner is told.
    await node.succeed("tag", source, `${nameOf()}:1`);
    const { stderr } = await node.cli("push", `${nameOf()}:1`);
    expect(stderr).toMatch(/^WARNING: not all platforms of .* are here/);
    expect((await manifestAt(`${nameOf()}:1`)).digest).toBe(own.target.digest);

    // Of two that are here both go, in an index without the third.
    await node.succeed("pull", "-q", "--platform", "linux/s390x", source);
    await node.succeed("tag", source, `${nameOf("two")}:1`);
    await node.succeed("push", "-q", `${nameOf("two")}:1`);
    const { manifests } = JSON.parse((await manifestAt(`${nameOf("two")}:1`)).body);
    expect(manifests.map(({ digest }: { digest: string }) => digest)).toEqual([
      own.target.digest,
      second.target.digest,
    ]);
    expect(third.target.digest).not.toBe(second.target.digest);
    expect(HOST_PLATFORM.architecture).not.toBe("s390x");
  });

  it("says what the registry says when that refuses", async () => {
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(request.method === "HEAD" ? 404 : 403, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ errors: [{ code: "DENIED", message: "requested access to the resource is denied" }] }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const reference = `127.0.0.1:${(server.address() as AddressInfo).port}/app:1`;
      await node.load(reference, await twoLayers());
      expect(await node.cli("push", "-q", reference)).toEqual({
        exitCode: 1,
        stdout: "",
        stderr: expect.stringMatching(/^wharf: denied: requested access to the resource is denied\nSee 'wharf login /),
      });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
