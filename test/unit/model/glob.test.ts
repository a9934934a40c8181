import { describe, expect, it } from "vitest";
import { matchesGlob } from "../../../src/model/glob.ts";

describe("matchesGlob", () => {
  it.each([
    ["busybox", "busybox", true],
    ["busy*", "busybox", true],
    ["*", "user/app", false],
    ["*/*", "user/app", true],
    ["*:1.?", "a:1.2", true],
    ["a[b-d]e", "ace", true],
    ["a[^b-d]e", "ace", false],
    ["a[^b-d]e", "aze", true],
    ["a\\*", "a*", true],
    ["a\\*", "ab", false],
    ["a.c", "abc", false],
    ["", "", true],
  ])("%j and %j: %s", (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected);
  });

  it.each(["[", "[]a", "a\\"])("refuses %j", (pattern) => {
    expect(() => matchesGlob(pattern, "a")).toThrow("syntax error in pattern");
  });
});
