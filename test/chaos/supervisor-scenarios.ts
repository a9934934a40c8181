import { expect } from "vitest";
import { waitUntil } from "../support/wait-until.ts";
import type { Scenario } from "./scenario.ts";

/** Of a container that has everything a container can have of the host. */
const EVERYTHING = ["--ipc", "shareable", "-v", "/var/spool"];
const SCRIPT = 'echo begun; trap "echo told; exit 3" TERM; while :; do usleep 20000; done';

function runOptions(name: string, port: number): string[] {
  return ["--name", name, "-p", `${port}:80`, ...EVERYTHING];
}

export const SUPERVISOR_SCENARIOS: readonly Scenario[] = [
  {
    what: "create",
    checks: "the command goes on; one container and one volume come of it, and it runs",
    points: [
      "create.name-reserved",
      "create.leased",
      "create.snapshot-prepared",
      "volume.prepared",
      "create.volume-made",
      "create.mounts-made",
      "create.recorded",
      "create.unanswered",
    ],
    async play(stage, point) {
      const options = ["-p", `${stage.takePort()}:80`, ...EVERYTHING];
      const before = (await stage.node.succeed("ps", "-aq", "--no-trunc")).split("\n");
      const created = await stage.strikeSupervisor(point, ["create", ...options, "busybox", "echo", "here"]);
      // The command has gone on with the next supervisor, and there is one container, and one volume of its own.
      expect(created).toMatchObject({ exitCode: 0, stderr: "" });
      const id = created.stdout.trim();
      const after = (await stage.node.succeed("ps", "-aq", "--no-trunc")).split("\n");
      expect(after.toSorted()).toEqual([...before, id].toSorted());
      const volumes = (await stage.inspect(id)).Mounts.map(({ Name }) => Name);
      expect(await stage.volumeNames()).toEqual(volumes);
      expect(await stage.node.succeed("start", "-a", id)).toBe("here");
      await stage.node.succeed("rm", "-v", id);
    },
  },
  {
    what: "run -d",
    checks: "the command goes on; the process was started once, with address and port; name and port are free after it",
    points: [
      "start.fifos-made",
      "start.netns-made",
      "start.shm-mounted",
      "start.etc-files-begun",
      "start.surroundings-made",
      "start.intended",
      "start.task-created",
      "start.ports-claimed",
      "network.address-leased",
      "network.cable-laid",
      "network.rules-added",
      "start.networks-connected",
      "start.task-connected",
      "start.process-runs",
      "start.process-started",
      "start.state-written",
    ],
    async play(stage, point, name) {
      const port = stage.takePort();
      const command = ["run", "-d", ...runOptions(name, port), "busybox", "sh", "-c", SCRIPT];
      // The command has gone on with the next supervisor, and the process was started once.
      const result = await stage.strikeSupervisor(point, command);
      expect(result).toEqual({ exitCode: 0, stdout: `${await stage.idOf(name)}\n`, stderr: "" });
      const { State: state, NetworkSettings: network } = await stage.inspect(name);
      expect(state).toMatchObject({ Status: "running", Running: true });
      expect(state.StartedAt).toMatch(/^20/);
      expect(network.IPAddress).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(await stage.node.succeed("port", name)).toBe(`80/tcp -> 0.0.0.0:${port}`);
      await waitUntil("it has begun", async () => (await stage.node.succeed("logs", name)) === "begun");
      await stage.node.succeed("rm", "-f", "-v", name);
      // And whatever there was, the name and the port are free.
      expect(await stage.node.succeed("run", "--rm", ...runOptions(name, port), "busybox", "echo", "again")).toBe(
        "again",
      );
    },
  },
  {
    what: "commit",
    checks: "there is no image, and the container can be committed and run from",
    points: ["commit.base-read", "commit.layer-stored", "commit.unpacked"],
    async play(stage, point, name) {
      await stage.node.succeed("run", "--name", name, "--network", "none", "busybox", "touch", "/made");
      const command = ["commit", name, "committed:1"];
      await stage.strikeSupervisor(point, command);
      expect(await stage.node.succeed("images", "-q", "committed")).toBe("");
      expect(await stage.node.succeed(...(command as [string]))).toMatch(/^sha256:/);
      const made = ["run", "--rm", "--network", "none", "committed:1", "ls", "/made"];
      expect(await stage.node.succeed(...(made as [string]))).toBe("/made");
      await stage.node.succeed("rm", name);
      await stage.node.succeed("rmi", "committed:1");
    },
  },
  {
    what: "exec",
    checks: "the container runs on, another exec works, no process is left in it",
    points: [
      "exec.fifos-made",
      "exec.process-added",
      "exec.process-started",
      "exec.exit-noted",
      "exec.process-deleted",
    ],
    async play(stage, point, name) {
      await stage.node.succeed("run", "-d", "--network", "none", "--name", name, "busybox", "sleep", "1000");
      const pid = await stage.pidOf(name);
      await stage.strikeSupervisor(point, ["exec", name, "true"]);
      expect(await stage.node.succeed("exec", name, "echo", "again")).toBe("again");
      expect(await stage.pidOf(name)).toBe(pid);
      await waitUntil("no exec process is left", async () => {
        const inside = await stage.node.client.tasks.pids((await stage.idOf(name)) ?? "");
        return inside.length === 1;
      });
      await stage.node.succeed("rm", "-f", name);
    },
  },
  {
    what: "stop",
    checks: "the container stops by its signal, stays stopped, and has its last line in the log",
    points: ["stop.intended", "stop.signalled"],
    async play(stage, point, name) {
      await stage.node.succeed("run", "-d", "--restart", "always", ...["--name", name], "busybox", "sh", "-c", SCRIPT);
      await stage.strikeSupervisor(point, ["stop", name]);
      await stage.node.succeed("stop", name);
      const { State: state } = await stage.inspect(name);
      expect(state).toMatchObject({ Status: "exited", ExitCode: 3 });
      expect(await stage.node.succeed("logs", name)).toBe("begun\ntold");
      await stage.node.succeed("start", name);
      await stage.node.succeed("rm", "-f", name);
    },
  },
  {
    what: "kill",
    checks: "the container has exited with 137 and can be started",
    points: ["kill.signalled"],
    async play(stage, point, name) {
      await stage.node.succeed("run", "-d", "--name", name, "busybox", "sh", "-c", SCRIPT);
      await stage.strikeSupervisor(point, ["kill", name]);
      expect(await stage.node.succeed("wait", name)).toBe("137");
      await stage.node.succeed("start", name);
      await stage.node.succeed("rm", "-f", name);
    },
  },
  {
    what: "restart",
    checks: "the next supervisor finishes it; every line of both runs is in the log",
    points: ["restart.stopped"],
    async play(stage, point, name) {
      await stage.node.succeed("run", "-d", "--name", name, "busybox", "sh", "-c", SCRIPT);
      await stage.strikeSupervisor(point, ["restart", name]);
      await stage.node.succeed("supervisor", "start");
      await waitUntil("the restart has been finished", async () => (await stage.inspect(name)).State.Running);
      const output = "begun\ntold\nbegun";
      await waitUntil("it has begun again", async () => (await stage.node.succeed("logs", name)) === output);
      await stage.node.succeed("rm", "-f", name);
    },
  },
  {
    what: "rename",
    checks: "the container has one of the two names, and both can be had again",
    points: ["rename.name-reserved", "rename.unanswered"],
    async play(stage, point, name) {
      await stage.node.succeed("create", "--network", "none", "--name", name, "busybox", "true");
      await stage.strikeSupervisor(point, ["rename", name, `${name}-new`]);
      const names = [name, `${name}-new`];
      const present = (await Promise.all(names.map((each) => stage.idOf(each)))).map((id) => id !== undefined);
      expect(present).toEqual(point === "rename.unanswered" ? [false, true] : [true, false]);
      for (const [index, each] of names.entries()) if (present[index]) await stage.node.succeed("rm", each);
      for (const each of names) {
        await stage.node.succeed("create", "--network", "none", "--name", each, "busybox", "true");
        await stage.node.succeed("rm", each);
      }
    },
  },
  {
    what: "rm -f -v",
    checks: "the container and its volume are gone; name and port are free",
    points: ["rm.intended", "rm.files-removed", "rm.record-deleted", "volume.removal-renamed"],
    async play(stage, point, name) {
      const port = stage.takePort();
      await stage.node.succeed("run", "-d", ...runOptions(name, port), "busybox", "sh", "-c", SCRIPT);
      await stage.strikeSupervisor(point, ["rm", "-f", "-v", name]);
      await stage.node.cli("rm", "-f", "-v", name);
      expect(await stage.node.succeed("run", "--rm", ...runOptions(name, port), "busybox", "echo", "again")).toBe(
        "again",
      );
    },
  },
  {
    what: "the end of a run",
    checks: "exit code and every line are kept; the container starts again on its port",
    points: [
      "settle.exit-written",
      "settle.output-drained",
      "settle.task-deleted",
      "settle.done",
      "network.netns-deleted",
      "network.rules-removed",
      "network.cable-cut",
      "network.address-freed",
    ],
    async play(stage, point, name) {
      const port = stage.takePort();
      await stage.node.succeed("run", "-d", ...runOptions(name, port), "busybox", "sh", "-c", SCRIPT);
      const pid = await stage.pidOf(name);
      await stage.strikeRunning(point, async () => process.kill(pid, "SIGTERM"));
      await stage.node.succeed("supervisor", "start");
      expect(await stage.node.succeed("wait", name)).toBe("3");
      expect(await stage.node.succeed("logs", name)).toBe("begun\ntold");
      await stage.node.succeed("start", name);
      expect(await stage.node.succeed("port", name)).toBe(`80/tcp -> 0.0.0.0:${port}`);
      await stage.node.succeed("rm", "-f", "-v", name);
    },
  },
  {
    what: "a restart by its policy",
    checks: "the restart is done",
    points: ["restart.due"],
    async play(stage, point, name) {
      await stage.node.succeed("run", "-d", "--restart", "on-failure:5", "--name", name, "busybox", "sh", "-c", SCRIPT);
      const pid = await stage.pidOf(name);
      await stage.strikeRunning(point, async () => process.kill(pid, "SIGTERM"));
      await stage.node.succeed("supervisor", "start");
      await waitUntil("it runs again", async () => (await stage.inspect(name)).State.Running);
      await stage.node.succeed("rm", "-f", name);
    },
  },
  {
    what: "output, with a log that is rotated",
    checks: "every line is in the log, once and in order",
    points: ["output.spooled", "log.announced", "log.renamed", "log.rotated"],
    async play(stage, point, name) {
      const options = ["--network", "none", "--name", name, "--log-opt", "max-size=4k", "--log-opt", "max-file=500"];
      const script = 'trap "seq 1 400" USR1; while :; do usleep 20000; done';
      await stage.node.succeed("run", "-d", ...options, "busybox", "sh", "-c", script);
      const pid = await stage.pidOf(name);
      await stage.strikeRunning(point, async () => process.kill(pid, "SIGUSR1"));
      await stage.node.succeed("supervisor", "start");
      const all = Array.from({ length: 400 }, (_, index) => String(index + 1)).join("\n");
      await waitUntil("all is in the log", async () => (await stage.node.succeed("logs", name)) === all);
      await stage.node.succeed("rm", "-f", name);
    },
  },
  {
    what: "the start of a supervisor",
    checks: "the container runs on, and the next supervisor serves it",
    points: [
      "supervisor.locked",
      "supervisor.listening",
      "recovery.listed",
      "recovery.process-adopted",
      "recovery.reconciled",
    ],
    async play(stage, point, name) {
      await stage.node.succeed("run", "-d", "--name", name, "--restart", "always", "busybox", "sh", "-c", SCRIPT);
      const pid = await stage.pidOf(name);
      await stage.strikeStarting(point);
      await stage.node.succeed("exec", name, "true");
      expect(await stage.pidOf(name)).toBe(pid);
      await stage.node.succeed("rm", "-f", name);
    },
  },
];
