import { describe, expect, it } from "vitest";
import { parseChallenges } from "../../../src/registry/challenge.ts";

describe("parseChallenges", () => {
  it("reads quoted parameters with commas and escapes", () => {
    const header =
      'Bearer realm="https://auth/token",service="registry",scope="repository:a/b:pull,push",error="a \\"b\\""';

    expect(parseChallenges(header)).toEqual([
      {
        scheme: "bearer",
        parameters: {
          realm: "https://auth/token",
          service: "registry",
          scope: "repository:a/b:pull,push",
          error: 'a "b"',
        },
      },
    ]);
  });

  it("reads several challenges in one header", () => {
    expect(parseChallenges('Basic realm="a", Bearer realm="b",service=c').map(({ scheme }) => scheme)).toEqual([
      "basic",
      "bearer",
    ]);
  });

  it("reads a scheme alone, and nothing from nothing", () => {
    expect(parseChallenges("Negotiate")).toEqual([{ scheme: "negotiate", parameters: {} }]);
    expect(parseChallenges("")).toEqual([]);
  });
});
