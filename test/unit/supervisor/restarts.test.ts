import { describe, expect, it } from "vitest";
import type { RestartPolicy } from "../../../src/model/container-config.ts";
import { nextRestartDelayMs, wantsRestart } from "../../../src/supervisor/restarts.ts";

const policy = (Name: RestartPolicy["Name"], MaximumRetryCount = 0): RestartPolicy => ({ Name, MaximumRetryCount });
const EXIT = { exitCode: 0, ranMs: 1_000, stoppedByUser: false, restartCount: 0 };

describe("wantsRestart", () => {
  it.each([
    { name: "no", code: 1, restarts: false },
    { name: "", code: 1, restarts: false },
    { name: "always", code: 0, restarts: true },
    { name: "unless-stopped", code: 0, restarts: true },
    { name: "on-failure", code: 0, restarts: false },
    { name: "on-failure", code: 1, restarts: true },
  ] as const)("$name after exit code $code: $restarts", ({ name, code, restarts }) => {
    expect(wantsRestart(policy(name), { ...EXIT, exitCode: code })).toBe(restarts);
  });

  it("counts the tries of on-failure", () => {
    expect(wantsRestart(policy("on-failure", 3), { ...EXIT, exitCode: 1, restartCount: 2 })).toBe(true);
    expect(wantsRestart(policy("on-failure", 3), { ...EXIT, exitCode: 1, restartCount: 3 })).toBe(false);
  });

  it("tells always and unless-stopped apart once a person sent a signal", () => {
    expect(wantsRestart(policy("always"), { ...EXIT, stoppedByUser: true })).toBe(true);
    expect(wantsRestart(policy("unless-stopped"), { ...EXIT, stoppedByUser: true })).toBe(false);
  });
});

describe("nextRestartDelayMs", () => {
  it("doubles from 100 ms up to a minute", () => {
    const delays: number[] = [];
    for (let time = 0; time < 12; time++) delays.push(nextRestartDelayMs(delays.at(-1), 500));

    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
  });

  it("begins anew after a run of ten seconds, and when a person has started the container", () => {
    expect(nextRestartDelayMs(400, 9_999)).toBe(800);
    expect(nextRestartDelayMs(400, 10_000)).toBe(100);
    expect(nextRestartDelayMs(undefined, 0)).toBe(100);
  });
});
