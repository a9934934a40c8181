import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Reference } from "../../src/model/reference.ts";
import { RegistryClient } from "../../src/registry/client.ts";
import { buildImage, buildIndex, randomLayer, type TestImage } from "../support/images.ts";
import { startRegistry } from "../support/registry.ts";
import { LocalRegistry } from "./local-registry.ts";

const signal = AbortSignal.timeout(60_000);

/** What both our own registry and a real one must let our client do. */
const REGISTRIES = [
  {
    name: "an in-process registry",
    open: async (image: TestImage) => {
      const registry = await LocalRegistry.start(image);
      return { reference: registry.reference, close: () => registry[Symbol.asyncDispose]() };
    },
  },
  {
    name: "docker-registry",
    open: async (image: TestImage) => {
      const registry = await startRegistry();
      const reference = await registry.push("contract/app:latest", image);
      return { reference, close: async () => await registry[Symbol.asyncDispose]() };
    },
  },
];

describe.each(REGISTRIES)("RegistryClient and $name", ({ open }) => {
  let image: TestImage;
  let reference: Reference;
  let close: () => Promise<void>;
  let client: RegistryClient;

  beforeAll(async () => {
    const own = await buildImage({ layers: [randomLayer(300_000)] });
    const other = await buildImage({ layers: [], platform: { os: "linux", architecture: "s390x" } });
    image = await buildIndex([own, other]);
    const opened = await open(image);
    reference = Reference.parse(opened.reference);
    close = opened.close;
    client = new RegistryClient({ configDirectory: "/nonexistent", userAgent: "wharf-test" });
  });

  afterAll(async () => {
    await client.close();
    await close();
  });

  it("resolves a tag and a digest", async () => {
    const { mediaType, digest, size } = image.target;
    const target = { mediaType, digest, size };

    expect(await client.resolve(reference, { signal })).toEqual(target);
    expect(await client.resolve(reference.withDigest(digest), { signal })).toEqual(target);
  });

  it("fetches indexes and manifests as they are", async () => {
    for (const { descriptor, bytes } of image.manifests) {
      const fetched = await client.fetchManifest(reference.withDigest(descriptor.digest), { signal });

      expect(Buffer.from(fetched.content).equals(bytes)).toBe(true);
      expect(fetched.descriptor.mediaType).toBe(descriptor.mediaType);
    }
  });

  it("fetches a blob, whole and from the middle", async () => {
    const [layer] = image.layers as [TestImage["layers"][0]];
    const bytes = image.blobs.get(layer.digest) as Buffer;

    expect((await collect(await client.fetchBlob(reference, layer, { signal }))).equals(bytes)).toBe(true);
    const rest = await collect(await client.fetchBlob(reference, layer, { offset: 100_001, signal }));
    expect(rest.equals(bytes.subarray(100_001))).toBe(true);
  });

  it("says what is not there", async () => {
    await expect(client.resolve(reference.withTag("nope"), { signal })).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringMatching(/^manifest for 127\.0\.0\.1:\d+\/\S+:nope not found: manifest unknown: /),
    });
    const layer = { mediaType: "l", digest: `sha256:${"0".repeat(64)}`, size: 1 };
    await expect(client.fetchBlob(reference, layer, { signal })).rejects.toMatchObject({ code: "not-found" });
  });

  it("stops when it is told to", async () => {
    await expect(client.resolve(reference, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "canceled",
    });
  });
});

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
