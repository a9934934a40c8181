import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { callAt, WallClock } from "../../src/wall-clock.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

afterEach(() => {
  vi.useRealTimers();
});

describe("WallClock", () => {
  it("shows what Date shows, and never goes back by itself", () => {
    const clock = new WallClock();
    let last = 0;
    for (let round = 0; round < 2_000; round++) {
      const before = Date.now();
      const now = clock.now();
      expect(now).toBeGreaterThanOrEqual(Math.max(before, last));
      expect(now).toBeLessThan(Date.now() + 1);
      last = now;
    }
    expect(Number.isInteger(last)).toBe(false);
  });

  it.each([DAY_MS, -HOUR_MS, 5])("follows when the clock is set by %d ms", (change) => {
    const clock = new WallClock();
    const before = clock.now();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + change });

    expect(clock.now() - (before + change)).toBeLessThan(HOUR_MS / 2);
    expect(Math.floor(clock.now())).toBe(Date.now());
  });
});

describe("callAt", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ["Date", "setTimeout", "clearTimeout"] });
  });

  it("calls when the moment has come, and at once when it is past", () => {
    const calls: string[] = [];
    callAt(Date.now() + 26 * DAY_MS, () => calls.push("far"));
    callAt(Date.now() - 1, () => calls.push("past"));

    vi.advanceTimersByTime(25 * DAY_MS);
    expect(calls).toEqual(["past"]);
    vi.advanceTimersByTime(DAY_MS);
    expect(calls).toEqual(["past", "far"]);
  });

  it.each([
    ["forward", DAY_MS, HOUR_MS],
    ["back", -HOUR_MS, 3 * HOUR_MS],
  ])("follows a clock that is set %s", (_how, change, afterMs) => {
    let called = false;
    callAt(Date.now() + 2 * HOUR_MS, () => {
      called = true;
    });
    vi.advanceTimersByTime(1_000);
    vi.setSystemTime(Date.now() + change);

    vi.advanceTimersByTime(afterMs - HOUR_MS / 2);
    expect(called).toBe(change > 0);
    vi.advanceTimersByTime(HOUR_MS);
    expect(called).toBe(true);
  });

  it("does not call once it is taken back", () => {
    const forget = callAt(Date.now() + 1, () => expect.unreachable());
    forget();
    vi.advanceTimersByTime(DAY_MS);
  });
});
