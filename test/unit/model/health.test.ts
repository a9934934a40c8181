import { describe, expect, it } from "vitest";
import { INITIAL_STATE } from "../../../src/model/container-status.ts";
import {
  afterProbe,
  type HealthRecord,
  healthTiming,
  probeCommand,
  probeDelayMs,
  startingHealth,
  viewHealth,
} from "../../../src/model/health.ts";

const STARTED_AT = "2026-01-01T00:00:00.000Z";

/** A probe that began so many seconds after the container and left with the exit code. */
function probe(exitCode: number, afterSeconds = 0) {
  return { Start: STARTED_AT, End: STARTED_AT, ExitCode: exitCode, Output: `${afterSeconds}` };
}

function probed(timing: Parameters<typeof healthTiming>[0], ...results: ReturnType<typeof probe>[]): HealthRecord {
  return results.reduce(
    (health, result) =>
      afterProbe(health, result, { timing: healthTiming(timing), ageMs: Number(result.Output) * 1000 }),
    startingHealth(STARTED_AT, undefined),
  );
}

describe("probeCommand", () => {
  it.each([
    [undefined, undefined],
    [[], undefined],
    [["NONE"], undefined],
    [["CMD"], undefined],
    [
      ["CMD", "probe", "-v"],
      ["probe", "-v"],
    ],
    [
      ["CMD-SHELL", "a | b"],
      ["/bin/sh", "-c", "a | b"],
    ],
    [["SOMETHING", "else"], undefined],
  ])("%j is %j", (test, argv) => {
    expect(probeCommand(test && { Test: test })).toEqual(argv);
  });
});

describe("healthTiming", () => {
  it("fills in docker's defaults", () => {
    expect(healthTiming({})).toEqual({
      intervalMs: 30_000,
      timeoutMs: 30_000,
      startPeriodMs: 0,
      startIntervalMs: 5_000,
      retries: 3,
    });
  });

  it("turns nanoseconds into milliseconds", () => {
    expect(healthTiming({ Interval: 1.5e9, Timeout: 2e6, StartPeriod: 60e9, StartInterval: 1e6, Retries: 9 })).toEqual({
      intervalMs: 1_500,
      timeoutMs: 2,
      startPeriodMs: 60_000,
      startIntervalMs: 1,
      retries: 9,
    });
  });
});

describe("afterProbe", () => {
  it.each([
    ["one success", [0], "healthy", 0],
    ["fewer failures than retries", [1, 2], "starting", 2],
    ["as many failures as retries", [1, 2, -1], "unhealthy", 3],
    ["a healthy one's first failures", [0, 1, 1], "healthy", 2],
    ["a healthy one's failures", [0, 1, 1, 1], "unhealthy", 3],
    ["a success between failures", [1, 1, 0, 1, 1], "healthy", 2],
    ["a success after all", [1, 1, 1, 1, 0], "healthy", 0],
    ["failures beyond", [1, 1, 1, 1, 1], "unhealthy", 5],
  ] as const)("%s: %j", (_what, exitCodes, status, failingStreak) => {
    expect(probed({}, ...exitCodes.map((code) => probe(code)))).toMatchObject({ status, failingStreak });
  });

  it("does not count failures within the start period, until the first success", () => {
    const timing = { StartPeriod: 10e9, Retries: 1 };
    expect(probed(timing, probe(1, 1), probe(1, 9))).toMatchObject({ status: "starting", failingStreak: 0 });
    expect(probed(timing, probe(1, 1), probe(1, 10))).toMatchObject({ status: "unhealthy", failingStreak: 1 });
    expect(probed(timing, probe(0, 1), probe(1, 2))).toMatchObject({ status: "unhealthy", failingStreak: 1 });
  });

  it("keeps the last five results", () => {
    const results = Array.from({ length: 7 }, (_, index) => probe(0, index));
    expect(probed({}, ...results).log).toEqual(results.slice(2));
  });
});

describe("probeDelayMs", () => {
  const timing = healthTiming({ Interval: 30e9, StartPeriod: 10e9, StartInterval: 1e9 });

  it("is the start interval within the start period, until the first success", () => {
    const starting = startingHealth(STARTED_AT, undefined);
    expect(probeDelayMs(starting, timing, 9_999)).toBe(1_000);
    expect(probeDelayMs(starting, timing, 10_000)).toBe(30_000);
    expect(probeDelayMs({ ...starting, status: "healthy" }, timing, 0)).toBe(30_000);
  });
});

describe("viewHealth", () => {
  const check = { Test: ["CMD", "true"] };
  const state = { ...INITIAL_STATE, startedAt: STARTED_AT };
  const record = probed({}, probe(0), probe(1));

  it("shows what was found in this run", () => {
    expect(viewHealth({ check, state, status: "running" }, record)).toEqual({
      Status: "healthy",
      FailingStreak: 1,
      Log: record.log,
    });
  });

  it("starts anew with a new run, and keeps the log", () => {
    const next = { ...state, startedAt: "2026-01-01T01:00:00Z" };
    expect(viewHealth({ check, state: next, status: "running" }, record)).toEqual({
      Status: "starting",
      FailingStreak: 0,
      Log: record.log,
    });
  });

  it.each(["paused", "exited", "restarting", "removing"] as const)("is unhealthy while it is %s", (status) => {
    expect(viewHealth({ check, state, status }, record)).toMatchObject({ Status: "unhealthy", FailingStreak: 1 });
  });

  it("is absent before the first start, and without a check", () => {
    expect(viewHealth({ check, state: INITIAL_STATE, status: "created" }, undefined)).toBeUndefined();
    expect(viewHealth({ check: { Test: ["NONE"] }, state, status: "running" }, undefined)).toBeUndefined();
    expect(viewHealth({ check: { Interval: 1 }, state, status: "running" }, undefined)).toBeUndefined();
  });
});
