import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { LocalRegistry } from "../registry/local-registry.ts";
import { buildImage, buildIndex, busyboxImage, HOST_PLATFORM, randomLayer, type TestImage } from "../support/images.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { runProgram } from "../support/program.ts";
import { freePort, pushImage } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const short = (digest = "") => digest.slice(7, 19);

async function push(node: TestNode, name: string, image: TestImage): Promise<string> {
  return await pushImage(node.host.registry, `${node.namespace}/${name}`, image);
}

describe("pull", () => {
  it("prints what docker prints, and says when there is nothing new", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(1000, "a"), randomLayer(2000, "b")] });
    const reference = await push(node, "app", image);
    const repository = reference.replace(/:latest$/, "");
    const [a, b] = image.layers.map(({ digest }) => short(digest));

    const { exitCode, stdout, stderr } = await node.cli("pull", repository);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines.slice(0, 4)).toEqual([
      "Using default tag: latest",
      `latest: Pulling from ${node.namespace}/app`,
      `${a}: Pulling fs layer`,
      `${b}: Pulling fs layer`,
    ]);
    for (const id of [a, b]) {
      const own = lines.filter((line) => line.startsWith(`${id}: `)).map((line) => line.slice(14));
      expect(own).toEqual(["Pulling fs layer", "Verifying Checksum", "Download complete", "Pull complete"]);
    }
    const digest = `Digest: ${image.target.digest}`;
    expect(lines.slice(-4)).toEqual([digest, `Status: Downloaded newer image for ${reference}`, reference, ""]);

    expect(await node.cli("pull", reference)).toEqual({
      exitCode: 0,
      stderr: "",
      stdout: `latest: Pulling from ${node.namespace}/app\n${digest}\nStatus: Image is up to date for ${reference}\n${reference}\n`,
    });
    expect(await node.succeed("pull", "--quiet", reference)).toBe(reference);
  });

  it("leaves what containerd's own client leaves", async () => {
    await using ours = await freshNamespace();
    await using theirs = await freshNamespace();
    const image = await buildIndex([
      await buildImage({ layers: [randomLayer(1000, "a"), randomLayer(2000, "b")] }),
      await buildImage({ layers: [randomLayer(500)], platform: { os: "linux", architecture: "s390x" } }),
    ]);
    const reference = await push(ours, "app", image);

    await ours.succeed("pull", "-q", reference);
    const { address } = theirs.host;
    await runProgram("ctr", ["-a", address, "-n", theirs.namespace, "image", "pull", "--plain-http", reference]);

    const content = async ({ client }: TestNode) =>
      (await client.content.list())
        .map(({ digest, size, labels }) => ({ digest, size, labels: withoutOurs(labels) }))
        .sort((a, b) => (a.digest < b.digest ? -1 : 1));
    expect(await content(ours)).toEqual(await content(theirs));
    const snapshots = async ({ client }: TestNode) =>
      (await client.snapshots.list()).map(({ name, parent, kind }) => ({ name, parent, kind }));
    expect(await snapshots(ours)).toEqual(await snapshots(theirs));
    const [mine, other] = [await ours.client.images.get(reference), await theirs.client.images.get(reference)];
    expect(mine.target).toEqual(other.target);
    expect(await ours.client.leases.list()).toEqual([]);
  });

  it.each(["gzip", "zstd", "none"] as const)("unpacks %s layers of OCI and docker images", async (compression) => {
    await using node = await freshNamespace();
    for (const mediaTypes of ["oci", "docker"] as const) {
      // containerd has no media type of docker's for zstd layers.
      if (mediaTypes === "docker" && compression === "zstd") continue;
      const image = await busyboxImage({ compression, mediaTypes });
      const reference = await push(node, `${mediaTypes}-${compression}`, image);

      await node.succeed("pull", "-q", reference);

      const [snapshot] = await node.client.snapshots.list([`name==${image.diffIds[0]}`]);
      expect(snapshot?.kind).toBe("committed");
    }
  });

  it("takes the platform that is asked for, and this machine's by itself", async () => {
    await using node = await freshNamespace();
    const other = { os: "linux", architecture: "s390x" };
    const image = await buildIndex([
      await buildImage({ layers: [randomLayer(100)], platform: other }),
      await buildImage({ layers: [randomLayer(200)] }),
    ]);
    const reference = await push(node, "app", image);

    await node.succeed("pull", "-q", reference);
    expect(await node.succeed("image", "inspect", "-f", "{{.Architecture}}", reference)).toBe(
      HOST_PLATFORM.architecture,
    );

    await using elsewhere = await freshNamespace();
    await elsewhere.succeed("pull", "-q", "--platform", "linux/s390x", reference);
    expect(await elsewhere.succeed("image", "inspect", "-f", "{{.Architecture}}", reference)).toBe("s390x");
  });

  it("refuses a platform that an index lacks, and warns of one that a lone manifest is not for", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(100)] });
    const index = await push(node, "index", await buildIndex([image]));
    const manifest = await push(node, "manifest", image);

    expect(await node.cli("pull", "-q", "--platform", "linux/riscv64", index)).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "wharf: no matching manifest for linux/riscv64 in the manifest list entries\n",
    });
    const { exitCode, stderr } = await node.cli("pull", "-q", "--platform", "linux/riscv64", manifest);
    expect(exitCode).toBe(0);
    expect(stderr).toContain("does not match the specified platform (linux/riscv64)");
  });

  it("says what is wrong, and leaves nothing", async () => {
    await using node = await freshNamespace();
    const { registry } = node.host;
    const port = await freePort();
    const cases: [string[], string][] = [
      [[`${registry}/nope:1`], `manifest for ${registry}/nope:1 not found: manifest unknown: manifest unknown`],
      [[`127.0.0.1:${port}/app:1`], `cannot reach registry 127.0.0.1:${port}: connection refused`],
      [["Foo"], "invalid reference format: repository name (library/Foo) must be lowercase"],
      [["a b"], "invalid reference format"],
      [["-a", "busybox:1"], "tag can't be used with --all-tags/-a"],
      [["--platform", "a/b/c/d", "busybox:1"], '"a/b/c/d": cannot parse platform specifier: invalid argument'],
    ];
    for (const [args, message] of cases) {
      expect(await node.cli("pull", ...args)).toMatchObject({ exitCode: 1, stderr: `wharf: ${message}\n` });
    }
    expect(await node.client.content.list()).toEqual([]);
    expect(await node.client.leases.list()).toEqual([]);
  });

  it("refuses a layer that is not what its digest says", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(10_000)] });
    await using registry = await LocalRegistry.start(image);
    const layer = image.layers[0]?.digest ?? "";
    registry.intercept = ({ path }, response) => {
      if (!path.endsWith(layer)) return false;
      const wrong = Buffer.from(image.blobs.get(layer) as Buffer);
      wrong[100] = (wrong[100] ?? 0) ^ 1;
      response.end(wrong);
      return true;
    };

    const { exitCode, stderr } = await node.cli("pull", "-q", registry.reference);

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^wharf: unexpected commit digest /);
    expect(await node.client.images.list()).toEqual([]);
    expect(await node.client.snapshots.list()).toEqual([]);
    expect(await node.client.leases.list()).toEqual([]);
  });

  it("refuses a layer that is not what the config says", async () => {
    await using node = await freshNamespace();
    const right = await buildImage({ layers: [randomLayer(1000)] });
    const wrong = await buildImage({ layers: [randomLayer(1000)] });
    const manifest = Buffer.from(
      JSON.stringify({ ...JSON.parse(String(right.manifests[0]?.bytes)), layers: wrong.layers }),
    );
    const target = { ...right.target, digest: sha256(manifest), size: manifest.length };
    const reference = await push(node, "app", {
      ...right,
      target,
      manifests: [{ descriptor: target, bytes: manifest }],
      blobs: new Map([...right.blobs, ...wrong.blobs]),
    });

    const { exitCode, stderr } = await node.cli("pull", "-q", reference);

    expect(exitCode).toBe(1);
    expect(stderr).toContain(`wrong diff ID of layer ${wrong.layers[0]?.digest}`);
    expect(await node.client.snapshots.list()).toEqual([]);
  });

  it("goes on where an interrupted pull stopped", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(4_000_000)] });
    await using registry = await LocalRegistry.start(image);
    const [layer] = image.layers as [TestImage["layers"][0]];
    const bytes = image.blobs.get(layer.digest) as Buffer;
    registry.intercept = ({ path }, response) => {
      if (!path.endsWith(layer.digest)) return false;
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 2_000_000));
      return true;
    };

    const running = node.start({}, "pull", "-q", registry.reference);
    await waitUntil("part of the layer is in containerd", async () => {
      const [ingest] = await node.client.content.statuses();
      return ingest?.ref === `layer-${layer.digest}` && ingest.offset > 1_000_000;
    });
    running.kill("SIGINT");
    expect((await running.result).exitCode).toBe(130);
    expect(await node.client.images.list()).toEqual([]);
    expect(await node.client.snapshots.list()).toEqual([]);
    const [lease, ...others] = await node.client.leases.list();
    expect(others).toEqual([]);
    expect(lease?.labels["containerd.io/gc.expire"]).toBeDefined();

    registry.intercept = () => false;
    await node.succeed("pull", "-q", registry.reference);
    const ranges = registry.requests
      .filter(({ path }) => path.endsWith(layer.digest))
      .map(({ headers }) => headers.range);
    expect(ranges[0]).toBeUndefined();
    expect(ranges.at(-1)).toMatch(/^bytes=[1-9]\d{5,}-$/);
    expect(await node.client.leases.list()).toEqual([]);
  });

  it("leaves a lease that expires when it is killed", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(1_000_000)] });
    await using registry = await LocalRegistry.start(image);
    registry.intercept = ({ path }) => path.endsWith(image.layers[0]?.digest ?? "");

    const running = node.start({}, "pull", "-q", registry.reference);
    await waitUntil("the layer is asked for", () =>
      registry.log.some((line) => line.endsWith(image.layers[0]?.digest ?? "")),
    );
    running.kill("SIGKILL");
    await running.result;

    const [lease, ...others] = await node.client.leases.list();
    expect(others).toEqual([]);
    const expiry = Date.parse(lease?.labels["containerd.io/gc.expire"] ?? "");
    expect(expiry).toBeGreaterThan(Date.now());
    expect(expiry).toBeLessThanOrEqual(Date.now() + 7 * 24 * 3600 * 1000);
  });

  it("downloads a layer again from where the connection broke", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(3_000_000)] });
    await using registry = await LocalRegistry.start(image);
    const layer = image.layers[0]?.digest ?? "";
    const bytes = image.blobs.get(layer) as Buffer;
    let broken = false;
    registry.intercept = ({ path }, response) => {
      if (broken || !path.endsWith(layer)) return false;
      broken = true;
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 1_500_000), () => response.destroy());
      return true;
    };

    await node.succeed("pull", "-q", registry.reference);

    expect(registry.requests.filter(({ path }) => path.endsWith(layer))).toHaveLength(2);
    expect(registry.requests.at(-1)?.headers.range).toMatch(/^bytes=\d+-$/);
  });

  it("lets two pulls of one image help each other", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(3_000_000, "a"), randomLayer(3_000_000, "b")] });
    const reference = await push(node, "app", image);

    const results = await Promise.all([1, 2, 3].map(() => node.cli("pull", "-q", reference)));

    expect(results).toEqual(results.map(() => ({ exitCode: 0, stdout: `${reference}\n`, stderr: "" })));
    expect(await node.client.leases.list()).toEqual([]);
    expect((await node.client.snapshots.list()).map(({ kind }) => kind)).toEqual(["committed", "committed"]);
  });

  it("keeps an image that a newer one took the name of", async () => {
    await using node = await freshNamespace();
    const [older, newer] = [
      await buildImage({ layers: [randomLayer(100)] }),
      await buildImage({ layers: [randomLayer(200)] }),
    ];
    const reference = await push(node, "app", older);
    const repository = reference.replace(/:latest$/, "");
    await node.succeed("pull", "-q", reference);
    await push(node, "app", newer);

    expect(await node.succeed("pull", reference)).toContain("Status: Downloaded newer image");

    const format = "{{.Repository}}:{{.Tag}} {{.ID}}";
    expect((await node.succeed("images", "--no-trunc", "--format", format)).split("\n").sort()).toEqual([
      `${repository}:<none> ${older.config.digest}`,
      `${repository}:latest ${newer.config.digest}`,
    ]);
  });

  it("takes all tags of a repository with -a", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(100)] });
    const reference = await push(node, "app:1", image);
    await push(node, "app:2", image);
    const repository = reference.replace(/:1$/, "");

    expect((await node.succeed("pull", "-a", "-q", repository)).split("\n")).toEqual([repository]);

    expect((await node.succeed("images", "--format", "{{.Tag}}", repository)).split("\n").sort()).toEqual(["1", "2"]);
  });

  it("draws bars on a terminal", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(100_000)] });
    const reference = await push(node, "app", image);

    const { exitCode, stdout } = await node.cliWith({ tty: { rows: 24, columns: 130 } }, "pull", reference);

    expect(exitCode).toBe(0);
    expect(stdout).toContain(`${short(image.layers[0]?.digest)}: Pull complete\r\n`);
    expect(stdout).toMatch(/Total: \[={50}>\]/);
    expect(stdout.endsWith(`${reference}\r\n`)).toBe(true);
  });

  it("needs little memory, however large a layer is", async () => {
    await using node = await freshNamespace();
    const reference = await push(
      node,
      "large",
      await buildImage({ layers: [{ ...randomLayer(300_000_000), compression: "none" }] }),
    );

    const pull = node.start({}, "pull", "-q", reference);
    const peaks: number[] = [];
    await waitUntil(
      "the pull has ended",
      async () => {
        peaks.push(await residentBytes(pull.pid));
        return (await Promise.race([pull.result, undefined])) !== undefined;
      },
      120_000,
    );

    expect((await pull.result).exitCode).toBe(0);
    expect(Math.max(...peaks)).toBeLessThan(200_000_000);
  });
});

function withoutOurs(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith("wharf.")));
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The most memory that a process has had; 0 once it has ended. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
