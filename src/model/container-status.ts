import type { ContainerState } from "./container-record.ts";
import type { ContainerStateView, ContainerStatus } from "./container-view.ts";
import { formatHumanDuration } from "./relative-time.ts";

/** What containerd knows of a container's process; absent when it has none. */
export interface TaskFacts {
  readonly pid: number;
  readonly status: "created" | "running" | "stopped" | "paused" | "pausing" | "unknown";
  readonly exitStatus: number;
  readonly exitedAt: string;
}

/** How the API writes a time that never was. */
export const NEVER = "0001-01-01T00:00:00Z";

/** The state of a container nobody has started yet. */
export const INITIAL_STATE: ContainerState = {
  desired: "created",
  stoppedByUser: false,
  startedAt: "",
  finishedAt: "",
  exitCode: 0,
  error: "",
  oomKilled: false,
  restartCount: 0,
  bootId: "",
  netnsPath: "",
  endpoints: [],
  ports: [],
};

/**
 * Docker's view of a container's state, from what was written down and what containerd knows of its process. The
 * process wins: an exit that no supervisor has settled yet is an exit all the same.
 */
export function viewState(state: ContainerState, task: TaskFacts | undefined): ContainerStateView {
  const status = statusOf(state, task);
  const alive = status === "running" || status === "paused";
  const unsettled = task?.status === "stopped" && status === "exited";
  return {
    Status: status,
    Running: alive || status === "restarting",
    Paused: status === "paused",
    Restarting: status === "restarting",
    OOMKilled: state.oomKilled,
    Dead: false,
    Pid: alive && task !== undefined ? task.pid : 0,
    ExitCode: alive ? 0 : unsettled ? task.exitStatus : state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt || NEVER,
    FinishedAt: (unsettled ? task.exitedAt : state.finishedAt) || NEVER,
  };
}

function statusOf(state: ContainerState, task: TaskFacts | undefined): ContainerStatus {
  if (state.desired === "removed") return "removing";
  if (task?.status === "paused" || task?.status === "pausing") return "paused";
  if (task?.status === "running" || task?.status === "unknown") return "running";
  if (state.startedAt === "" || task?.status === "created") return "created";
  const restartOwed = state.desired === "running" && !hasUnsettledRun(state);
  return task === undefined && restartOwed ? "restarting" : "exited";
}

/** True of a container whose last start has no end yet, as far as was written down. */
export function hasUnsettledRun({ startedAt, finishedAt, unsettled }: ContainerState): boolean {
  // An earlier version wrote no more than the moments.
  return unsettled ?? (startedAt !== "" && !(Date.parse(finishedAt) >= Date.parse(startedAt)));
}

function healthSuffix(health: ContainerStateView["Health"]): string {
  if (health === undefined) return "";
  return health.Status === "starting" ? " (health: starting)" : ` (${health.Status})`;
}

/** The STATUS column: `Up 5 minutes`, `Exited (137) 2 hours ago`. */
export function formatStatus(view: ContainerStateView, now: number): string {
  const since = (time: string) => formatHumanDuration(now - Date.parse(time));
  switch (view.Status) {
    case "running":
      return `Up ${since(view.StartedAt)}${healthSuffix(view.Health)}`;
    case "paused":
      return `Up ${since(view.StartedAt)} (Paused)`;
    case "restarting":
      return `Restarting (${view.ExitCode}) ${since(view.FinishedAt)} ago`;
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
    case "created":
      return "Created";
    case "exited":
      return view.FinishedAt === NEVER ? "" : `Exited (${view.ExitCode}) ${since(view.FinishedAt)} ago`;
  }
}
