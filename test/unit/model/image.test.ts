import { describe, expect, it } from "vitest";
import { chainId, chainIds } from "../../../src/model/chain-id.ts";
import { digestOf, isDigest, parseDigest, shortDigest } from "../../../src/model/digest.ts";
import { parseImageConfig } from "../../../src/model/image-config.ts";
import { parseIndex, parseManifest } from "../../../src/model/manifest.ts";

const DIGEST = digestOf("x");
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

describe("digests", () => {
  it("have an algorithm that is known, and its number of digits", () => {
    expect(isDigest(DIGEST)).toBe(true);
    expect(isDigest(`sha512:${"a".repeat(128)}`)).toBe(true);
    expect(isDigest(`sha256:${"a".repeat(63)}`)).toBe(false);
    expect(isDigest(`sha256:${"A".repeat(64)}`)).toBe(false);
    expect(isDigest(`md5:${"a".repeat(32)}`)).toBe(false);
    expect(isDigest("a".repeat(64))).toBe(false);
    expect(() => parseDigest("sha256:../../etc/passwd")).toThrow("invalid digest");
  });

  it("are shown by their first twelve digits", () => {
    expect(shortDigest(DIGEST)).toBe(DIGEST.slice(7, 19));
  });
});

describe("chain IDs", () => {
  it("are the diff ID of one layer, and hash what is below with each further one", () => {
    const a = `sha256:${"a".repeat(64)}`;
    const b = `sha256:${"b".repeat(64)}`;

    expect(chainId([])).toBe("");
    expect(chainId([a])).toBe(a);
    // Of `printf '%s %s' A B | sha256sum`.
    const both = "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c";
    expect(chainIds([a, b])).toEqual([a, both]);
  });
});

describe("parseManifest", () => {
  const descriptor = { mediaType: "t", digest: DIGEST, size: 1 };

  it("accepts a manifest", () => {
    const manifest = { schemaVersion: 2, config: descriptor, layers: [descriptor] };

    expect(parseManifest(json(manifest))).toEqual(manifest);
  });

  it.each([
    ["no JSON", Buffer.from("{")],
    ["another type", json([])],
    ["schema 1", json({ schemaVersion: 1, fsLayers: [] })],
    ["no config", json({ schemaVersion: 2, layers: [] })],
    ["a negative size", json({ schemaVersion: 2, config: { ...descriptor, size: -1 }, layers: [] })],
    ["a path for a digest", json({ schemaVersion: 2, config: { ...descriptor, digest: "../x" }, layers: [] })],
    ["a layer of null", json({ schemaVersion: 2, config: descriptor, layers: [null] })],
  ])("refuses %s", (_, content) => {
    expect(() => parseManifest(content)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  });

  it("refuses an index whose entries are no descriptors", () => {
    expect(() => parseIndex(json({ schemaVersion: 2, manifests: [{}] }))).toThrow(
      "malformed image index: manifests[0].mediaType is missing",
    );
  });
});

describe("parseImageConfig", () => {
  it("gives an image without run defaults empty ones", () => {
    const rootfs = { type: "layers", diff_ids: [DIGEST] };

    expect(parseImageConfig(json({ architecture: "amd64", os: "linux", config: null, rootfs })).config).toEqual({});
  });

  it("refuses what names no layers", () => {
    expect(() => parseImageConfig(json({ architecture: "amd64", os: "linux" }))).toThrow(
      "malformed image config: rootfs is missing",
    );
    expect(() => parseImageConfig(json({ rootfs: { diff_ids: ["nope"] } }))).toThrow("invalid digest");
  });
});
