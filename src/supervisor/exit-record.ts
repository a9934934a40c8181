import type { RestartPolicy } from "../model/container-config.ts";
import type { ContainerState, RestartRecord } from "../model/container-record.ts";
import type { TaskExit } from "./exit-waiters.ts";
import { nextRestartDelayMs, wantsRestart } from "./restarts.ts";

/** How many restarts are remembered. */
const KEPT_RESTARTS = 10;

/** What is known beside the exit itself. */
export interface ExitCircumstances {
  readonly policy: RestartPolicy;
  readonly oomKilled: boolean;
  /** The container goes with its process: `--rm`, or somebody removes it. */
  readonly removes: boolean;
  /** A person asked for a restart, who will start it. */
  readonly restartAsked: boolean;
  /** How long ago the run began, by a clock that nobody sets; undefined when nobody knows. */
  readonly ageMs: number | undefined;
}

/** What follows from an exit. */
export interface ExitRecord {
  /** To be written down before anything is done about it. */
  readonly state: ContainerState;
  readonly ranMs: number;
  /** The policy wants the container to run again. */
  readonly restarts: boolean;
}

/** What is written down of the last exit, and of the restart that it led to, when it was for want of memory after all. */
export function blameMemory(state: ContainerState): ContainerState {
  const restarts = state.restarts?.map((record) => {
    return record.time === state.finishedAt ? { ...record, reason: "oom" as const, oomKilled: true } : record;
  });
  return { ...state, oomKilled: true, ...(restarts && { restarts }) };
}

/** Decides what an exit makes of a container. */
export function recordExit(run: ContainerState, exit: TaskExit, circumstances: ExitCircumstances): ExitRecord {
  const { policy, oomKilled, removes, restartAsked, ageMs } = circumstances;
  const ranMs = lengthOfRun(run, exit, ageMs);
  const wanted = run.desired === "running" && wantsRestart(policy, { ...run, exitCode: exit.exitStatus, ranMs });
  const restarts = wanted && !removes && !restartAsked;
  const record: RestartRecord = {
    time: exit.exitedAt,
    reason: exit.unseen ? "unseen" : oomKilled ? "oom" : "exit",
    exitCode: exit.exitStatus,
    oomKilled,
  };
  const state: ContainerState = {
    ...run,
    ...(restarts && {
      restartDelayMs: nextRestartDelayMs(run.restartDelayMs, ranMs),
      restarts: [...(run.restarts ?? []), record].slice(-KEPT_RESTARTS),
    }),
    // Whoever asked for a restart is owed the start, at once, even if this supervisor does not live to do it.
    ...(restartAsked && { restartDelayMs: 0 }),
    desired: removes ? "removed" : restarts || restartAsked ? "running" : "stopped",
    finishedAt: exit.exitedAt,
    unsettled: false,
    exitCode: exit.exitStatus,
    oomKilled,
    netnsPath: "",
    ports: [],
  };
  return { state, ranMs, restarts };
}

/** By the time of day, which is exact; unless the clock was set during the run, as its age tells. */
function lengthOfRun({ startedAt }: ContainerState, { exitedAt }: TaskExit, ageMs: number | undefined): number {
  const byClock = Date.parse(exitedAt) - Date.parse(startedAt);
  if (ageMs === undefined) return Math.max(0, byClock);
  return byClock >= 0 && byClock <= ageMs ? byClock : ageMs;
}
