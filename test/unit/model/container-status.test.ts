import { describe, expect, it } from "vitest";
import type { ContainerState } from "../../../src/model/container-record.ts";
import { formatStatus, INITIAL_STATE, NEVER, type TaskFacts, viewState } from "../../../src/model/container-status.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const RUNNING: ContainerState = { ...INITIAL_STATE, desired: "running", startedAt: "2026-01-01T11:55:00Z" };
const STOPPED: ContainerState = { ...RUNNING, desired: "stopped", finishedAt: "2026-01-01T11:58:00Z", exitCode: 3 };
const task = (status: TaskFacts["status"]): TaskFacts => ({
  pid: 42,
  status,
  exitStatus: 137,
  exitedAt: "2026-01-01T11:59:00Z",
});

function statusOf(state: ContainerState, facts?: TaskFacts) {
  const view = viewState(state, facts);
  return {
    status: view.Status,
    text: formatStatus(view, NOW),
    running: view.Running,
    pid: view.Pid,
    code: view.ExitCode,
  };
}

describe("a container's state", () => {
  it("is created until it has run", () => {
    expect(statusOf(INITIAL_STATE)).toMatchObject({ status: "created", text: "Created", running: false });
    expect(viewState(INITIAL_STATE, undefined)).toMatchObject({ StartedAt: NEVER, FinishedAt: NEVER });
  });

  it("keeps the exit code and the reason of a start that failed", () => {
    const failed = { ...INITIAL_STATE, exitCode: 127, error: "no such command" };

    expect(viewState(failed, undefined)).toMatchObject({ Status: "created", ExitCode: 127, Error: "no such command" });
  });

  it("runs and pauses with its task", () => {
    expect(statusOf(RUNNING, task("running"))).toEqual({
      status: "running",
      text: "Up 5 minutes",
      running: true,
      pid: 42,
      code: 0,
    });
    expect(statusOf(RUNNING, task("paused"))).toMatchObject({ status: "paused", text: "Up 5 minutes (Paused)" });
  });

  it("is exited with what was written down", () => {
    expect(statusOf(STOPPED)).toMatchObject({ status: "exited", text: "Exited (3) 2 minutes ago", code: 3, pid: 0 });
  });

  it("is exited with what the task knows, when nobody has written the exit down", () => {
    expect(statusOf(RUNNING, task("stopped"))).toMatchObject({
      status: "exited",
      text: "Exited (137) About a minute ago",
    });
  });

  it("is restarting between an exit and the restart that is owed", () => {
    expect(statusOf({ ...STOPPED, desired: "running" })).toMatchObject({
      status: "restarting",
      text: "Restarting (3) 2 minutes ago",
      running: true,
    });
  });

  it("is being removed once that is what is wanted", () => {
    expect(statusOf({ ...STOPPED, desired: "removed" })).toMatchObject({
      status: "removing",
      text: "Removal In Progress",
    });
  });
});
