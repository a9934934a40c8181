import { describe, expect, it } from "vitest";
import {
  cameFrom,
  childLabels,
  missingLabels,
  sourceLabel,
  withoutSource,
} from "../../../../src/engine/images/labels.ts";
import { digestOf } from "../../../../src/model/digest.ts";
import { MediaType } from "../../../../src/model/manifest.ts";
import { Reference } from "../../../../src/model/reference.ts";

const descriptor = (mediaType: string, name: string) => ({ mediaType, digest: digestOf(name), size: 1 });
const KEY = "containerd.io/distribution.source.docker.io";

describe("childLabels", () => {
  it("numbers layers and manifests, and names the config, as containerd's client does", () => {
    const children = [
      descriptor(MediaType.ociConfig, "c"),
      descriptor(MediaType.ociLayerGzip, "l0"),
      descriptor(MediaType.dockerLayerGzip, "l1"),
      descriptor(MediaType.ociManifest, "m0"),
      descriptor("application/vnd.in-toto+json", "x"),
    ];

    expect(childLabels(children)).toEqual({
      "containerd.io/gc.ref.content.config": digestOf("c"),
      "containerd.io/gc.ref.content.l.0": digestOf("l0"),
      "containerd.io/gc.ref.content.l.1": digestOf("l1"),
      "containerd.io/gc.ref.content.m.0": digestOf("m0"),
      "containerd.io/gc.ref.content.0": digestOf("x"),
    });
  });
});

describe("source labels", () => {
  const app = Reference.parse("user/app");

  it("collect the repositories of a registry", () => {
    expect(sourceLabel(app)).toEqual({ [KEY]: "user/app" });
    expect(sourceLabel(app, { [KEY]: "library/busybox" })).toEqual({ [KEY]: "library/busybox,user/app" });
    expect(sourceLabel(app, { [KEY]: "user/app" })).toEqual({ [KEY]: "user/app" });
    expect(withoutSource(app, { [KEY]: "library/busybox,user/app" })).toEqual({ [KEY]: "library/busybox" });
  });

  it("tell where content came from", () => {
    expect(cameFrom({ [KEY]: "library/busybox,user/app" }, app)).toBe(true);
    expect(cameFrom({ [KEY]: "user/application" }, app)).toBe(false);
    expect(cameFrom({}, app)).toBe(false);
  });

  it("stay below what containerd accepts", () => {
    expect(sourceLabel(app, { [KEY]: "x".repeat(4050) })).toEqual({});
  });

  it("are written only when they change something", () => {
    expect(missingLabels({ a: "1", b: "2" }, { a: "1", b: "3", c: "4" })).toEqual({ b: "3", c: "4" });
  });
});
