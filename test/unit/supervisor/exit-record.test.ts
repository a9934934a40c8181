import { describe, expect, it } from "vitest";
import { INITIAL_STATE } from "../../../src/model/container-status.ts";
import { blameMemory, recordExit } from "../../../src/supervisor/exit-record.ts";

const RUN = { ...INITIAL_STATE, desired: "running" as const, startedAt: "2026-01-01T00:00:00.000Z" };
const EXIT = { pid: 7, exitStatus: 1, exitedAt: "2026-01-01T00:00:03.000Z" };
const ALWAYS = { Name: "always" as const, MaximumRetryCount: 0 };
const CIRCUMSTANCES = { policy: ALWAYS, oomKilled: false, removes: false, restartAsked: false, ageMs: 3_100 };

describe("blameMemory", () => {
  it("corrects the last exit, and of the restarts the one that it led to", () => {
    const first = recordExit(RUN, EXIT, CIRCUMSTANCES).state;
    const exitedAt = "2026-01-01T00:00:09.000Z";
    const { state } = recordExit({ ...first, desired: "running" }, { ...EXIT, exitedAt }, CIRCUMSTANCES);

    const corrected = blameMemory(state);

    expect(corrected).toEqual({ ...state, oomKilled: true, restarts: expect.any(Array) });
    expect(corrected.restarts?.map(({ reason, oomKilled }) => [reason, oomKilled])).toEqual([
      ["exit", false],
      ["oom", true],
    ]);
    expect(blameMemory({ ...INITIAL_STATE, finishedAt: exitedAt })).not.toHaveProperty("restarts");
  });
});

describe("recordExit", () => {
  it("writes down why the container is started again, and after which pause", () => {
    const { state, ranMs, restarts } = recordExit(RUN, EXIT, CIRCUMSTANCES);

    expect({ ranMs, restarts }).toEqual({ ranMs: 3_000, restarts: true });
    expect(state).toMatchObject({ desired: "running", exitCode: 1, finishedAt: EXIT.exitedAt, restartDelayMs: 100 });
    expect(state.restarts).toEqual([{ time: EXIT.exitedAt, reason: "exit", exitCode: 1, oomKilled: false }]);
  });

  it.each([
    [{ ...EXIT, unseen: true }, false, "unseen"],
    [EXIT, true, "oom"],
  ])("tells reasons apart", (exit, oomKilled, reason) => {
    const { state } = recordExit(RUN, exit, { ...CIRCUMSTANCES, oomKilled });

    expect(state.restarts?.at(-1)).toMatchObject({ reason, oomKilled });
  });

  it.each([
    ["forward by a day", "2026-01-02T00:00:02.500Z", 3_000, 3_000],
    ["back by an hour", "2025-12-31T23:00:03.000Z", 3_000, 3_000],
    ["back by an hour, in a run that nobody timed", "2025-12-31T23:00:03.000Z", undefined, 0],
  ])("takes the length of a run from its age when the clock was set %s", (_how, exitedAt, ageMs, expected) => {
    const before = { ...RUN, restartDelayMs: 400 };
    const { state, ranMs } = recordExit(before, { ...EXIT, exitedAt }, { ...CIRCUMSTANCES, ageMs });

    expect(ranMs).toBe(expected);
    expect(state).toMatchObject({ finishedAt: exitedAt, unsettled: false, restartDelayMs: 800 });
  });

  it("remembers the last ten restarts", () => {
    let state: typeof RUN = RUN;
    for (let code = 1; code <= 12; code++) {
      const next = recordExit(state, { ...EXIT, exitStatus: code }, CIRCUMSTANCES).state;
      state = { ...next, desired: "running", startedAt: RUN.startedAt };
    }

    expect(state.restarts?.map(({ exitCode }) => exitCode)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it.each([
    ["what a person stopped", { ...RUN, desired: "stopped" as const }, CIRCUMSTANCES, "stopped"],
    ["what is removed", RUN, { ...CIRCUMSTANCES, removes: true }, "removed"],
    ["what a person restarts, who is owed it", RUN, { ...CIRCUMSTANCES, restartAsked: true }, "running"],
  ] as const)("does not restart %s", (_what, run, circumstances, desired) => {
    const { state, restarts } = recordExit(run, EXIT, circumstances);

    expect(restarts).toBe(false);
    expect(state.desired).toBe(desired);
    expect(state.restarts).toBeUndefined();
  });
});
