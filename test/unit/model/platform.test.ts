import { describe, expect, it } from "vitest";
import {
  formatPlatform,
  hostPlatform,
  matchesPlatform,
  type Platform,
  parsePlatform,
  platformDistance,
} from "../../../src/model/platform.ts";

const HOST: Platform = { os: "linux", architecture: "arm64" };

describe("parsePlatform", () => {
  it.each([
    ["linux/amd64", "linux/amd64"],
    ["linux/x86_64", "linux/amd64"],
    ["LINUX/AMD64", "linux/amd64"],
    ["amd64", "linux/amd64"],
    ["linux", "linux/arm64"],
    ["windows", "windows/arm64"],
    ["macos/arm64", "darwin/arm64"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/armhf", "linux/arm/v7"],
    ["linux/armel", "linux/arm/v6"],
    ["linux/arm/6", "linux/arm/v6"],
    ["linux/aarch64", "linux/arm64"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/arm64/v9", "linux/arm64/v9"],
    ["linux/amd64/v1", "linux/amd64"],
    ["linux/riscv64", "linux/riscv64"],
  ])("reads %s as %s", (text, expected) => {
    expect(formatPlatform(parsePlatform(text, HOST))).toBe(expected);
  });

  it.each([
    ["a/b/c/d", '"a/b/c/d": cannot parse platform specifier: invalid argument'],
    ["", '"": cannot parse platform specifier: invalid argument'],
    ["linux/", '"linux/": cannot parse platform specifier: invalid argument'],
    ["toaster", '"toaster": unknown operating system or architecture: invalid argument'],
  ])("refuses %j", (text, message) => {
    expect(() => parsePlatform(text, HOST)).toThrow(message);
  });
});

describe("matchesPlatform", () => {
  const match = (wanted: string, offered: string) =>
    matchesPlatform(parsePlatform(wanted, HOST), parsePlatform(offered, HOST));

  it("runs what was built for older processors, not for newer ones", () => {
    expect(match("linux/arm/v7", "linux/arm/v6")).toBe(true);
    expect(match("linux/arm/v6", "linux/arm/v7")).toBe(false);
    expect(match("linux/amd64/v3", "linux/amd64")).toBe(true);
    expect(match("linux/amd64", "linux/amd64/v2")).toBe(false);
  });

  it("runs 32-bit programs on 64-bit processors", () => {
    expect(match("linux/amd64", "linux/386")).toBe(true);
    expect(match("linux/arm64", "linux/arm/v7")).toBe(true);
    expect(match("linux/386", "linux/amd64")).toBe(false);
  });

  it("tells operating systems apart", () => {
    expect(match("linux/amd64", "windows/amd64")).toBe(false);
  });

  it("prefers the nearest", () => {
    const distance = (offered: string) => platformDistance(HOST, parsePlatform(offered, HOST));

    expect(distance("linux/arm64")).toBe(0);
    expect(distance("linux/arm/v8")).toBeLessThan(distance("linux/arm/v6") as number);
    expect(distance("linux/amd64")).toBeUndefined();
  });
});

it("names a host as images do", () => {
  expect(hostPlatform("linux", "x64")).toEqual({ os: "linux", architecture: "amd64" });
});
