import { describe, expect, it } from "vitest";
import { Reference } from "../../../src/model/reference.ts";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}`;

describe("Reference", () => {
  it.each([
    ["busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"],
    ["user/app", "docker.io/user/app:latest", "user/app:latest"],
    ["library/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["index.docker.io/user/app", "docker.io/user/app:latest", "user/app:latest"],
    ["docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"],
    ["ghcr.io/library/app", "ghcr.io/library/app:latest", "ghcr.io/library/app:latest"],
    ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
    ["localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"],
    ["127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest", "127.0.0.1:5000/a/b:latest"],
    ["[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"],
    ["Registry/app", "Registry/app:latest", "Registry/app:latest"],
    ["a__b/c--d.e_f", "docker.io/a__b/c--d.e_f:latest", "a__b/c--d.e_f:latest"],
    [`busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`, `busybox@${DIGEST}`],
    [`busybox:1@${DIGEST}`, `docker.io/library/busybox:1@${DIGEST}`, `busybox:1@${DIGEST}`],
    [`a:${"t".repeat(128)}`, `docker.io/library/a:${"t".repeat(128)}`, `a:${"t".repeat(128)}`],
  ])("reads %s", (text, canonical, familiar) => {
    const reference = Reference.parse(text).withDefaultTag();

    expect(reference.toString()).toBe(canonical);
    expect(reference.familiar()).toBe(familiar);
    expect(Reference.parse(canonical).toString()).toBe(canonical);
  });

  it.each([
    ["", "invalid reference format"],
    [":latest", "invalid reference format"],
    ["a b", "invalid reference format"],
    ["a:", "invalid reference format"],
    ["a:-tag", "invalid reference format"],
    [`a:${"t".repeat(129)}`, "invalid reference format"],
    ["-a", "invalid reference format"],
    ["a-", "invalid reference format"],
    ["a___b", "invalid reference format"],
    ["a..b", "invalid reference format"],
    ["a//b", "invalid reference format"],
    ["a/", "invalid reference format"],
    ["https://a/b", "invalid reference format"],
    ["a@sha256:abc", "invalid reference format"],
    [`a@sha256:${HEX.toUpperCase()}`, "invalid reference format"],
    [`a@sha256:${HEX}0`, "invalid reference format"],
    [`a@md5:${HEX.slice(32)}`, "invalid reference format"],
    ["a\nb", "invalid reference format"],
    ["Foo", "invalid reference format: repository name (library/Foo) must be lowercase"],
    ["foo/Bar", "invalid reference format: repository name (foo/Bar) must be lowercase"],
    [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
    [
      `docker.io/${"a/".repeat(127)}ab`,
      "invalid reference format: repository name must not be more than 255 characters",
    ],
  ])("refuses %j", (text, message) => {
    expect(() => Reference.parse(text)).toThrow(expect.objectContaining({ code: "invalid-argument", message }));
  });

  it("adds no tag to a digest, and none unasked", () => {
    expect(Reference.parse(`a@${DIGEST}`).withDefaultTag().tag).toBeUndefined();
    expect(Reference.parse("a").tag).toBeUndefined();
  });

  it("changes to another tag or digest of its repository", () => {
    const reference = Reference.parse("localhost:5000/app:1");

    expect(String(reference.withTag("2"))).toBe("localhost:5000/app:2");
    expect(String(reference.withDigest(DIGEST))).toBe(`localhost:5000/app@${DIGEST}`);
    expect(reference.repository).toBe("localhost:5000/app");
  });
});
