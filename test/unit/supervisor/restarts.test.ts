import { describe, expect, it } from "vitest";
import type { RestartPolicy } from "../../../src/model/container-config.ts";
import { RestartBackoff, wantsRestart, wantsStartAtRecovery } from "../../../src/supervisor/restarts.ts";

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

describe("wantsStartAtRecovery", () => {
  it("takes up an interrupted run as its policy says", () => {
    const interrupted = { ...EXIT, exitCode: 255, interrupted: true, rebooted: true };

    expect(wantsStartAtRecovery(policy("no"), interrupted)).toBe(false);
    expect(wantsStartAtRecovery(policy("on-failure"), interrupted)).toBe(true);
    expect(wantsStartAtRecovery(policy("unless-stopped"), interrupted)).toBe(true);
  });

  it.each([
    { name: "always", rebooted: true, starts: true },
    { name: "always", rebooted: false, starts: false },
    { name: "unless-stopped", rebooted: true, starts: false },
  ] as const)(
    "of a container that a person stopped: $name, rebooted $rebooted: $starts",
    ({ name, rebooted, starts }) => {
      const stopped = { ...EXIT, stoppedByUser: true, interrupted: false, rebooted };

      expect(wantsStartAtRecovery(policy(name), stopped)).toBe(starts);
    },
  );
});

describe("RestartBackoff", () => {
  it("doubles from 100 ms up to a minute", () => {
    const backoff = new RestartBackoff();
    const delays = Array.from({ length: 12 }, () => backoff.next(500));

    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
  });

  it("begins anew after a run of ten seconds", () => {
    const backoff = new RestartBackoff();
    backoff.next(500);
    backoff.next(500);

    expect(backoff.next(10_000)).toBe(100);
    expect(backoff.next(9_999)).toBe(200);
  });
});
