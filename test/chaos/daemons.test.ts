import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitUntil } from "../support/wait-until.ts";
import { Report } from "./report.ts";
import { Stage } from "./stage.ts";

let stage: Stage;
const report = new Report();
const checked =
  "what the name of the test says; the bystander runs, with every line that it wrote; the host is as before";

beforeAll(async () => {
  stage = await Stage.open();
  await stage.startBystander();
});

afterAll(async () => {
  report.print("containerd and shims, killed");
  await stage[Symbol.asyncDispose]();
});

describe("a containerd that was killed, and started again", () => {
  it("has the same containers, whose output goes on; and commands that waited for them go on waiting", async () => {
    const { node } = stage;
    const script = 'echo begun; trap "echo told; exit 3" TERM; while :; do usleep 20000; done';
    await node.succeed("run", "-d", "--name", "served", "busybox", "sh", "-c", script);
    const pid = await stage.pidOf("served");
    const foreground = node.start({}, "run", "--name", "watched", "--network", "none", "busybox", "sh", "-c", script);
    await foreground.waitForStdout("begun");
    const waiting = node.start({}, "wait", "served");
    const following = node.start({}, "logs", "-f", "served");
    await following.waitForStdout("begun");

    await stage.containerd.restart("kill");

    expect(await stage.pidOf("served")).toBe(pid);
    expect(await node.succeed("exec", "served", "echo", "here")).toBe("here");
    await node.succeed("stop", "served");
    await node.succeed("stop", "watched");
    expect(await waiting.result).toEqual({ exitCode: 0, stdout: "3\n", stderr: "" });
    expect(await following.result).toMatchObject({ exitCode: 0, stdout: "begun\ntold\n" });
    expect(await foreground.result).toMatchObject({ exitCode: 3, stdout: "begun\ntold\n" });
    await node.succeed("rm", "served", "watched");
    await stage.checkBystander();
    await stage.checkHost();
    report.add({ killed: "containerd", during: "run, wait and logs -f", at: "a container's run", checked });
  });

  it("was away while a container was stopped: the command waits for it to come back", async () => {
    const { node } = stage;
    await node.succeed("run", "-d", "--name", "held", "--network", "none", "busybox", "sleep", "1000");
    const stopped = await stage.withoutContainerd(async () => node.start({}, "stop", "-t", "1", "held"));
    expect(await stopped.result).toMatchObject({ exitCode: 0, stdout: "held\n" });
    expect((await stage.inspect("held")).State).toMatchObject({ Status: "exited" });
    await node.succeed("rm", "held");
    await stage.checkBystander();
    await stage.checkHost();
    report.add({ killed: "containerd", during: "stop", at: "a container's run", checked });
  });

  it("missed exits meanwhile: they are settled, and restarts that are owed are done", async () => {
    const { node } = stage;
    for (const policy of ["no", "always"]) {
      const options = ["--name", policy, "--network", "none", "--restart", policy];
      await node.succeed("run", "-d", ...options, "busybox", "sleep", "1000");
    }
    const pids = await Promise.all(["no", "always"].map((name) => stage.pidOf(name)));
    await stage.withoutContainerd(async () => {
      for (const pid of pids) process.kill(pid, "SIGKILL");
      await waitUntil("both are gone", async () => (await alive(pids)).length === 0);
    });
    await waitUntil("one has exited", async () => (await stage.inspect("no")).State.Status === "exited");
    expect((await stage.inspect("no")).State.ExitCode).toBe(137);
    await waitUntil("one runs again", async () => {
      const { State: state, RestartCount: count } = await stage.inspect("always");
      return state.Running && count === 1;
    });
    await node.succeed("rm", "-f", "no", "always");
    await stage.checkBystander();
    await stage.checkHost();
    report.add({ killed: "containerd", during: "the end of a run", at: "a container's run", checked });
  });
});

describe("a shim that was killed", () => {
  it("takes its container along: it has exited with 137, can be started again, and leaves nothing", async () => {
    const { node } = stage;
    const options = ["--name", "orphan", "-p", "20998:80", "--ipc", "shareable"];
    await node.succeed("run", "-d", ...options, "busybox", "sh", "-c", "echo begun; sleep 1000");
    const pid = await stage.pidOf("orphan");
    await waitUntil("it has begun", async () => (await node.succeed("logs", "orphan")) === "begun");
    const waiting = node.start({}, "wait", "orphan");
    await stage.killShim("orphan");

    expect((await waiting.result).stdout).toBe("137\n");
    await waitUntil("its process is gone", async () => (await alive([pid])).length === 0);
    expect((await stage.inspect("orphan")).State).toMatchObject({ Status: "exited", ExitCode: 137 });
    expect(await node.succeed("logs", "orphan")).toBe("begun");
    await node.succeed("start", "orphan");
    expect(await node.succeed("exec", "orphan", "echo", "again")).toBe("again");
    await node.succeed("rm", "-f", "orphan");
    await stage.checkBystander();
    await stage.checkHost();
    report.add({ killed: "shim", during: "run -d", at: "a container's run", checked });
  });

  it("is one of a container that its policy starts again", async () => {
    const { node } = stage;
    await node.succeed("run", "-d", "--name", "restarted", "--restart", "always", "busybox", "sleep", "1000");
    await stage.killShim("restarted");
    await waitUntil("it runs again", async () => {
      const { State: state, RestartCount: count } = await stage.inspect("restarted");
      return state.Running && count === 1;
    });
    expect(await node.succeed("exec", "restarted", "echo", "again")).toBe("again");
    await node.succeed("rm", "-f", "restarted");
    await stage.checkHost();
    report.add({ killed: "shim", during: "a restart by its policy", at: "a container's run", checked });
  });
});

it("killed all the time, the bystander's output is complete", async () => {
  await stage.checkBystanderOutput();
});

/** Which of the processes run. */
async function alive(pids: readonly number[]): Promise<number[]> {
  const all = new Set((await readdir("/proc")).map(Number));
  const running = await Promise.all(
    pids
      .filter((pid) => all.has(pid))
      .map(async (pid) => {
        const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
        return stat === "" || / [ZX] /.test(stat) ? [] : [pid];
      }),
  );
  return running.flat();
}
