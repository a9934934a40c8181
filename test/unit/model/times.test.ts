import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "../../../src/model/duration.ts";
import { parseMoment } from "../../../src/model/moment.ts";
import { formatHumanDuration, formatTimeAgo } from "../../../src/model/relative-time.ts";

describe("Go durations", () => {
  it.each([
    ["0", 0],
    ["10s", 10e9],
    ["1m30s", 90e9],
    ["1.5h", 5400e9],
    ["-1s", -1e9],
    ["500ms", 500e6],
    ["2us3ns", 2003],
    ["1µs", 1000],
    [".5s", 500e6],
  ])("reads %s", (text, nanoseconds) => {
    expect(parseDuration(text)).toBe(nanoseconds);
  });

  it.each([
    [0, "0s"],
    [10e9, "10s"],
    [90e9, "1m30s"],
    [5400e9, "1h30m0s"],
    [500e6, "500ms"],
    [1.5e6, "1.5ms"],
    [1500e6, "1.5s"],
    [2003, "2.003µs"],
    [7, "7ns"],
    [-1e9, "-1s"],
  ])("writes %d", (nanoseconds, text) => {
    expect(formatDuration(nanoseconds)).toBe(text);
  });

  it.each([
    ["", 'time: invalid duration ""'],
    ["foo", 'time: invalid duration "foo"'],
    ["5", 'time: missing unit in duration "5"'],
    ["5x", 'time: unknown unit "x" in duration "5x"'],
    ["1s foo", 'time: unknown unit "s foo" in duration "1s foo"'],
  ])("refuses %j in Go's words", (text, message) => {
    expect(() => parseDuration(text)).toThrow(message);
  });
});

describe("times for people", () => {
  it.each([
    [0, "Less than a second"],
    [1_999, "1 second"],
    [59_000, "59 seconds"],
    [119_000, "About a minute"],
    [120_000, "2 minutes"],
    [3_599_000, "59 minutes"],
    [3_600_000, "About an hour"],
    [5_400_000, "2 hours"],
    [47 * 3_600_000, "47 hours"],
    [48 * 3_600_000, "2 days"],
    [14 * 86_400_000, "2 weeks"],
    [60 * 86_400_000, "2 months"],
    [730 * 86_400_000, "2 years"],
  ])("shows %d ms as docker does", (milliseconds, text) => {
    expect(formatHumanDuration(milliseconds)).toBe(text);
  });

  it("counts back from now", () => {
    expect(formatTimeAgo(new Date("2026-01-01T00:00:00Z"), new Date("2026-01-01T00:05:00Z"))).toBe("5 minutes ago");
  });
});

describe("times that there are none of", () => {
  it.each(["1toString", "1constructor", "5__proto__"])("%s has no unit, whatever JavaScript's objects have", (text) => {
    expect(() => parseDuration(text)).toThrow("time: unknown unit");
  });

  it.each(["1e400h", "9999999999999999999h", "2562048h"])("%s is longer than 64 bits hold", (text) => {
    expect(() => parseDuration(text)).toThrow("time: ");
  });

  it.each(["1777700000000", "-99999999999999", "1700000000.0m"])("%s lies in no year of four digits", (text) => {
    expect(() => parseMoment(text, new Date(0))).toThrow("failed to parse value as time or duration");
  });
});
