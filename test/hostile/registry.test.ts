import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pullImage } from "../../src/engine/images/pull.ts";
import { Reference } from "../../src/model/reference.ts";
import { RegistryClient } from "../../src/registry/client.ts";
import { fail, type Interception, LocalRegistry } from "../registry/local-registry.ts";
import { buildImage, HOST_PLATFORM, randomLayer, type TestImage } from "../support/images.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { waitUntil } from "../support/wait-until.ts";

const signal = AbortSignal.timeout(170_000);
/** Larger than what sockets, and messages to containerd, hold back. */
const LAYER_BYTES = 3_000_000;

let image: TestImage;
let registry: LocalRegistry;
let client: RegistryClient;
let directory: string;
let reference: Reference;

beforeEach(async () => {
  image = await buildImage({ layers: [randomLayer(LAYER_BYTES)] });
  registry = await LocalRegistry.start(image);
  reference = Reference.parse(registry.reference);
  directory = await mkdtemp(join(tmpdir(), "wharf-bad-"));
  client = new RegistryClient({
    configDirectory: directory,
    userAgent: "wharf-test",
    retry: { attempts: 4, firstDelayMs: 1, maxDelayMs: 5000 },
    idleTimeoutMs: 2000,
  });
});

afterEach(async () => {
  await client.close();
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const layer = () => image.layers[0] as TestImage["layers"][0];
const layerBytes = () => image.blobs.get(layer().digest) as Buffer;
const isLayer = (path: string) => path.includes(layer().digest);
const layerRequests = () => registry.requests.filter(({ path }) => isLayer(path));

/** Has the first `times` requests that `matches` be answered by `answer`, and the others as they should. */
function misbehave(times: number, matches: (path: string) => boolean, answer: Interception): void {
  let remaining = times;
  registry.intercept = (request, response) => {
    if (!matches(request.path) || remaining-- <= 0) return false;
    return answer(request, response);
  };
}

async function pull(node: TestNode) {
  const engine = { containerd: node.client, registry: client };
  return await pullImage(engine, { reference, platform: HOST_PLATFORM }, { signal, onProgress: () => undefined });
}

async function expectWhole(node: TestNode): Promise<void> {
  const hash = createHash("sha256");
  for await (const chunk of node.client.content.read(layer().digest)) hash.update(chunk);
  expect(`sha256:${hash.digest("hex")}`).toBe(layer().digest);
  expect(await node.client.leases.list()).toEqual([]);
  expect(await node.client.content.statuses()).toEqual([]);
}

describe("a pull goes on", () => {
  it.each([
    ["429 with Retry-After", 429, { "retry-after": "0" }],
    ["503", 503, {}],
    ["500 with a page for people", 500, { "content-type": "text/html" }],
  ])("through a storm of %s", async (_, status, headers) => {
    await using node = await freshNamespace();
    const answered = new Map<string, number>();
    registry.intercept = ({ method, path }, response) => {
      const key = `${method} ${path}`;
      answered.set(key, (answered.get(key) ?? 0) + 1);
      if ((answered.get(key) ?? 0) > 2) return false;
      response.writeHead(status, headers as Record<string, string>).end("busy");
      return true;
    };

    await pull(node);

    await expectWhole(node);
    expect(Math.min(...answered.values())).toBeGreaterThanOrEqual(3);
  });

  it("where a connection was cut, as often as it is cut, with what is there already", async () => {
    await using node = await freshNamespace();
    const bytes = layerBytes();
    // More often than a download is tried that brings nothing.
    misbehave(7, isLayer, ({ headers }, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
      const range = { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
      response.writeHead(start > 0 ? 206 : 200, { "content-length": bytes.length - start, ...(start > 0 && range) });
      response.write(bytes.subarray(start, start + 300_000), () => response.destroy());
      return true;
    });

    await pull(node);

    await expectWhole(node);
    const ranges = layerRequests().map(({ headers }) => Number(/\d+/.exec(headers.range ?? "0")?.[0]));
    expect(ranges).toHaveLength(8);
    expect(ranges).toEqual([...new Set(ranges)].sort((a, b) => a - b));
  });

  it("where a body stopped in the middle, and where it ended too early without a word", async () => {
    await using node = await freshNamespace();
    const bytes = layerBytes();
    let requests = 0;
    misbehave(2, isLayer, ({ headers }, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
      const range = { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
      if (requests++ === 0) {
        response.writeHead(200, { "content-length": bytes.length });
        response.write(bytes.subarray(0, 1_000_000));
      } else {
        response.writeHead(206, range);
        response.end(bytes.subarray(start, start + 500_000));
      }
      return true;
    });

    await pull(node);

    await expectWhole(node);
    expect(layerRequests()).toHaveLength(3);
  });

  it("where headers never end", async () => {
    await using node = await freshNamespace();
    misbehave(1, isLayer, (_, response) => {
      response.socket?.write("HTTP/1.1 200 OK\r\ncontent-type: ");
      return true;
    });

    await pull(node);

    await expectWhole(node);
  });

  it("from the beginning after content that was not what its digest says", async () => {
    await using node = await freshNamespace();
    misbehave(1, isLayer, (_, response) => {
      response.end(Buffer.alloc(layerBytes().length, 1));
      return true;
    });

    await pull(node);

    await expectWhole(node);
    expect(layerRequests().map(({ headers }) => headers.range)).toEqual([undefined, undefined]);
  });

  it("where a pull that was killed had come to", async () => {
    await using node = await freshNamespace();
    misbehave(1, isLayer, (_, response) => {
      response.writeHead(200, { "content-length": layerBytes().length });
      response.write(layerBytes().subarray(0, 2_000_000));
      return true;
    });
    const running = node.start({}, "pull", "-q", registry.reference);
    await waitUntil("a part of the layer is in containerd", async () => {
      return (await node.client.content.statuses()).some(({ ref, offset }) => ref.startsWith("layer-") && offset > 1e6);
    });
    running.kill("SIGKILL");
    await running.result;

    await pull(node);

    const [, resumed] = layerRequests();
    expect(Number(/^bytes=(\d+)-$/.exec(resumed?.headers.range ?? "")?.[1])).toBeGreaterThan(1_000_000);
    const hash = createHash("sha256");
    for await (const chunk of node.client.content.read(layer().digest)) hash.update(chunk);
    expect(`sha256:${hash.digest("hex")}`).toBe(layer().digest);
  });

  it("with another token when one is refused in the middle", async () => {
    await using node = await freshNamespace();
    let issued = 0;
    registry.intercept = ({ path, headers }, response) => {
      if (path.startsWith("/token")) {
        response.end(JSON.stringify({ token: `token-${++issued}`, expires_in: 3600 }));
        return true;
      }
      // Each token is good for one request.
      if (headers.authorization === `Bearer token-${issued}` && used !== issued) {
        used = issued;
        return false;
      }
      response.setHeader("www-authenticate", `Bearer realm="http://${registry.host}/token",service="s"`);
      fail(response, 401, "UNAUTHORIZED");
      return true;
    };
    let used = 0;

    await pull(node);

    await expectWhole(node);
    expect(issued).toBeGreaterThanOrEqual(3);
  });
});

describe("a pull ends", () => {
  it("with the registry's word where it wants more patience than anybody has", async () => {
    registry.intercept = (_, response) => {
      response.setHeader("retry-after", "21600");
      fail(response, 429, "TOOMANYREQUESTS", "You have reached your pull rate limit");
      return true;
    };

    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({
      code: "resource-exhausted",
      message: expect.stringContaining("You have reached your pull rate limit"),
      hint: expect.stringContaining("after 21600 seconds"),
    });
    expect(registry.log).toEqual(["HEAD /v2/app/manifests/latest", "GET /v2/app/manifests/latest"]);
  });

  it("when content is never what its digest says, and leaves nothing of it", async () => {
    await using node = await freshNamespace();
    misbehave(100, isLayer, (_, response) => {
      response.end(Buffer.alloc(layerBytes().length, 1));
      return true;
    });

    await expect(pull(node)).rejects.toMatchObject({ code: "failed-precondition" });

    expect(layerRequests()).toHaveLength(2);
    expect(await node.client.content.statuses()).toEqual([]);
    expect(await node.client.images.list()).toEqual([]);
  });

  it("when a body does not end where it should", async () => {
    await using node = await freshNamespace();
    misbehave(100, isLayer, async (_, response) => {
      response.write(layerBytes());
      for (let sent = 0; sent < 500 && !response.destroyed; sent++) {
        await new Promise((resolve) => response.write(Buffer.alloc(1_000_000), resolve));
      }
      response.end();
      return true;
    });

    await expect(pull(node)).rejects.toMatchObject({ code: "failed-precondition", message: /longer than/ });
    expect(await node.client.content.statuses()).toEqual([]);
  });

  it.each([
    ["no JSON", "<html>", "application/vnd.oci.image.manifest.v1+json"],
    ["JSON of another kind", "[1, 2]", "application/vnd.oci.image.manifest.v1+json"],
    ["a media type of nobody", '{"schemaVersion": 2}', "application/vnd.example+json"],
    ["a manifest of the first version", '{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+json"],
  ])("in one line when a manifest is %s", async (_, body, type) => {
    await using node = await freshNamespace();
    registry.intercept = (_request, response) => {
      response.setHeader("content-type", type);
      response.end(body);
      return true;
    };

    const { exitCode, stderr } = await node.cli("pull", "-q", registry.reference);

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^wharf: (?!internal error)[^\n]+\n$/);
    expect(await node.client.images.list()).toEqual([]);
  });

  it("when redirects lead in a circle, without asking for ever", async () => {
    registry.intercept = ({ path }, response) => {
      response.writeHead(302, { location: path }).end();
      return true;
    };

    await expect(client.resolve(reference, { signal })).rejects.toThrow("stopped after 10 redirects");
    expect(registry.requests.length).toBeLessThan(30);
  });

  it("when a list of tags never ends, or is none", async () => {
    let page = 0;
    registry.intercept = (_, response) => {
      response.setHeader("link", `</v2/app/tags/list?last=${++page}>; rel="next"`);
      response.end(JSON.stringify({ tags: Array.from({ length: 10_000 }, (_unused, index) => `t${page}-${index}`) }));
      return true;
    };
    await expect(client.listTags(reference, { signal })).rejects.toMatchObject({ code: "out-of-range" });
    expect(page).toBeLessThan(20);

    for (const body of ["<html>", "[]", '{"tags": 5}', '{"tags": ["../../up"]}', '{"tags": [null]}']) {
      registry.intercept = (_, response) => {
        response.end(body);
        return true;
      };
      const listed = await client.listTags(reference, { signal }).catch((error: unknown) => error);
      expect(listed === undefined || Array.isArray(listed) || (listed as Error).name === "EngineError").toBe(true);
    }
  });
});
