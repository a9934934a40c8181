import { describe, expect, it } from "vitest";
import { parseConflist } from "../../../src/cni/conflist.ts";

describe("a network configuration", () => {
  it.each([".", "..", "../x", "a/b", "", "-a", "a\u0000"])(
    "is not called %j, which would be part of a path",
    (name) => {
      const text = JSON.stringify({ name, plugins: [{ type: "bridge" }] });
      expect(() => parseConflist(text, "f.conflist")).toThrow("malformed network configuration f.conflist: ");
    },
  );

  it.each([".", "..", "../../bin/sh", "a b", ""])("has no plugin %j, which would be a path", (type) => {
    const text = JSON.stringify({ name: "n", plugins: [{ type }] });
    expect(() => parseConflist(text, "f.conflist")).toThrow("a plugin has no type");
  });
});
