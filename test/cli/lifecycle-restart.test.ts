import { describe, expect, it } from "vitest";
import type { ContainerState } from "../../src/model/container-record.ts";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import { nodeOfFile } from "../support/file-node.ts";
import { waitUntil } from "../support/wait-until.ts";

const node = nodeOfFile();

/** Starts a container with a restart policy and returns its name. */
async function start(policy: string, script: string): Promise<string> {
  const options = ["--network", "none", "--restart", policy];
  return (await node.succeed("run", "-d", ...options, "busybox", "sh", "-c", script)).slice(0, 12);
}

async function inspect(name: string): Promise<ContainerInspect> {
  const [container] = JSON.parse(await node.succeed("container", "inspect", name)) as ContainerInspect[];
  return container as ContainerInspect;
}

/** An exit is for good once the supervisor has decided so: before, a container of a restart policy is only between runs. */
async function untilExited(name: string): Promise<ContainerInspect> {
  return await waitUntil(`${name} has exited for good`, async () => {
    if ((await intent(name)).desired !== "stopped") return undefined;
    const container = await inspect(name);
    return container.State.Status === "exited" ? container : undefined;
  });
}

async function untilRestarted(name: string, times: number): Promise<void> {
  await waitUntil(`${name} has been restarted ${times} times`, async () => (await inspect(name)).RestartCount >= times);
}

/** What the supervisor means to do with the container: nothing else starts it once this is `stopped`. */
async function intent(name: string): Promise<ContainerState> {
  const { Id: id } = await inspect(name);
  return (await node.client.containers.get(id)).extension("wharf.state") as ContainerState;
}

describe("restart policies", () => {
  it("no: lets a container end", async () => {
    const name = await start("no", "exit 1");

    expect(await untilExited(name)).toMatchObject({ RestartCount: 0, State: { ExitCode: 1, Restarting: false } });
  });

  it("on-failure: tries as often as it may, and keeps the last exit code", async () => {
    const name = await start("on-failure:2", "echo run; exit 7");

    expect(await untilExited(name)).toMatchObject({ RestartCount: 2, State: { ExitCode: 7 } });
    expect(await node.succeed("logs", name)).toBe("run\nrun\nrun");
  });

  it("on-failure: is content with success", async () => {
    const name = await start("on-failure", "[ -e /tried ] && exit 0; touch /tried; exit 1");

    expect(await untilExited(name)).toMatchObject({ RestartCount: 1, State: { ExitCode: 0 } });
  });

  it.each(["always", "unless-stopped"])(
    "%s: starts again whatever the exit code, until a person stops it",
    async (policy) => {
      const name = await start(policy, "sleep 0.1");
      await untilRestarted(name, 2);

      expect(await node.succeed("stop", "-t", "0", name)).toBe(name);

      expect((await inspect(name)).State.Status).toBe("exited");
      expect(await intent(name)).toMatchObject({ desired: "stopped", stoppedByUser: true });
    },
  );

  it("does not undo a kill", async () => {
    const name = await start("always", "sleep 1000");

    await node.succeed("kill", name);

    expect((await untilExited(name)).State.ExitCode).toBe(137);
    expect(await intent(name)).toMatchObject({ desired: "stopped" });
  });

  it("undoes what no person did", async () => {
    const name = await start("unless-stopped", "sleep 1000");
    const { Pid: pid } = (await inspect(name)).State;

    process.kill(pid, "SIGKILL");

    await untilRestarted(name, 1);
    await waitUntil("it runs again", async () => (await inspect(name)).State.Status === "running");
    expect((await inspect(name)).State.Pid).not.toBe(pid);
    await node.succeed("rm", "-f", name);
  });

  it("counts anew when a person starts the container", async () => {
    const name = await start("on-failure:1", "echo run; exit 1");
    await untilExited(name);

    await node.succeed("start", name);

    await waitUntil("it has run four times", async () => (await node.succeed("logs", name)) === "run\nrun\nrun\nrun");
    expect((await untilExited(name)).RestartCount).toBe(1);
  });

  it("does not try what cannot be started", async () => {
    const result = await node.cli(
      "run",
      "-d",
      "--network",
      "none",
      "--restart",
      "always",
      "--name",
      "no",
      "busybox",
      "no",
    );

    expect(result.exitCode).toBe(127);
    expect(await inspect("no")).toMatchObject({ RestartCount: 0, State: { Status: "created", ExitCode: 127 } });
    expect(await intent("no")).toMatchObject({ desired: "created" });
  });

  it("is shown and can be ended between two runs", async () => {
    const name = await start("always", "exit 3");
    // The pauses double: before long there is one in which a command finds the container.
    const restarting = await waitUntil("it pauses", async () => {
      const container = await inspect(name);
      return container.State.Status === "restarting" && container;
    });
    expect(restarting.State).toMatchObject({ Running: true, Restarting: true, Pid: 0, ExitCode: 3 });
    const list = ["ps", "--filter", "status=restarting", "--format", "{{.Status}}"];
    expect(await waitUntil("ps lists it", () => node.succeed(...list))).toMatch(/^Restarting \(3\) .+ ago$/);
    const refusals: string[] = [];
    await waitUntil("rm finds it so", async () => {
      refusals.push((await node.cli("rm", name)).stderr);
      return refusals.at(-1)?.includes("container is restarting: stop the container before removing");
    });
    for (const refusal of refusals) expect(refusal).toMatch(/: container is (restarting|running): stop the container/);
    await node.succeed("stop", name);
    expect((await inspect(name)).State).toMatchObject({ Status: "exited", Restarting: false });
    expect(await intent(name)).toMatchObject({ desired: "stopped" });
  });

  it("leaves a paused container alone", async () => {
    const name = await start("always", "sleep 1000");

    await node.succeed("pause", name);

    expect(await inspect(name)).toMatchObject({ RestartCount: 0, State: { Status: "paused" } });
    await node.succeed("rm", "-f", name);
  });
});
