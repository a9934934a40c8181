import { describe, expect, it } from "vitest";
import { timestampFromIso, timestampToIso } from "../../../src/containerd/timestamps.ts";

describe("timestamps", () => {
  it.each([
    ["2026-03-01T12:00:00.123456789Z", 1_772_366_400n, 123_456_789],
    ["2026-03-01T12:00:00.1Z", 1_772_366_400n, 100_000_000],
    ["2026-03-01T12:00:00.000000001Z", 1_772_366_400n, 1],
    ["2026-03-01T12:00:00Z", 1_772_366_400n, 0],
    ["0001-01-01T00:00:00Z", -62_135_596_800n, 0],
  ])("%s keeps its nanoseconds both ways", (iso, seconds, nanos) => {
    expect(timestampToIso({ seconds, nanos })).toBe(iso);
    expect(timestampFromIso(iso)).toEqual({ seconds, nanos });
  });

  it("reads other time zones", () => {
    expect(timestampFromIso("2026-03-01T14:00:00.5+02:00")).toEqual({ seconds: 1_772_366_400n, nanos: 500_000_000 });
  });

  it("is an empty string where there is no time", () => {
    expect(timestampToIso(undefined)).toBe("");
    expect(timestampFromIso("")).toBeUndefined();
  });

  it("refuses what is no time", () => {
    expect(() => timestampFromIso("yesterday")).toThrow(RangeError);
  });
});
