import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import { containerdPrograms } from "../support/containerd.ts";
import { runProgram } from "../support/program.ts";
import { SupervisedHost } from "../support/supervised-host.ts";
import { waitUntil } from "../support/wait-until.ts";

/** What happens to a container, and what each restart policy makes of it. */
const POLICIES = ["no", "on-failure", "on-failure:2", "always", "unless-stopped"] as const;
type Policy = (typeof POLICIES)[number];
type Containers = Readonly<Record<Policy, string>>;

const SLEEPS = ["sleep", "1000"];

let host: SupervisedHost;

beforeAll(async () => {
  host = await SupervisedHost.start();
});

afterEach(() => host.clear());

afterAll(() => host[Symbol.asyncDispose]());

/** Starts a container of each policy, and returns their ids. */
async function startAll(...argv: string[]): Promise<Containers> {
  return await startAllWith([], ...argv);
}

async function startAllWith(options: readonly string[], ...argv: string[]): Promise<Containers> {
  const started = POLICIES.map(async (policy) => {
    const flags = ["--network", "none", "--restart", policy, ...options];
    return [policy, await host.node.succeed("run", "-d", ...flags, "busybox", ...argv)] as const;
  });
  return Object.fromEntries(await Promise.all(started)) as Containers;
}

async function inspectAll(containers: Containers): Promise<ReadonlyMap<Policy, ContainerInspect>> {
  const text = await host.node.succeed("container", "inspect", ...Object.values(containers));
  const views = JSON.parse(text) as ContainerInspect[];
  return new Map(POLICIES.map((policy, index) => [policy, views[index] as ContainerInspect]));
}

/** Waits until each container is as its policy wants it. */
async function untilAll(containers: Containers, wanted: Readonly<Record<Policy, object>>): Promise<void> {
  await waitUntil("each container is as its policy wants it", async () => {
    const views = await inspectAll(containers);
    for (const policy of POLICIES) expect({ policy, ...views.get(policy) }).toMatchObject(wanted[policy]);
    return true;
  });
}

function ofEach(wanted: object): Readonly<Record<Policy, object>> {
  return Object.fromEntries(POLICIES.map((policy) => [policy, wanted])) as Record<Policy, object>;
}

/** Says in containerd's name, as a shim does, that the kernel killed a process of the container for want of memory. */
async function tellOom(id: string): Promise<void> {
  const field = (number: number, text: string) => Buffer.from([(number << 3) | 2, text.length, ...Buffer.from(text)]);
  const type = "containerd.events.TaskOOM";
  const stdin = Buffer.concat([field(1, type), field(2, field(1, id).toString("latin1"))]);
  const { address } = host.containerd;
  const where = ["--address", address, "publish", "--namespace", host.node.namespace, "--topic", "/tasks/oom"];
  await runProgram(join(containerdPrograms(), "containerd"), where, { stdin });
}

/** What is meant to be still stays so, whatever is restarted. */
async function staysStopped(containers: Containers): Promise<void> {
  const before = await inspectAll(containers);
  await host.killSupervisor();
  await host.node.succeed("supervisor", "start");
  await host.containerd.restart("stop");
  await host.pretendReboot(Object.values(containers));
  await host.node.succeed("supervisor", "start");
  // Whatever the supervisor does at its start it has done before it answers this.
  await host.node.succeed("run", "--rm", "--network", "none", "busybox", "true");
  const after = await inspectAll(containers);
  for (const policy of POLICIES) {
    expect({ policy, State: after.get(policy)?.State }).toEqual({ policy, State: before.get(policy)?.State });
  }
  expect(await host.node.client.tasks.list()).toEqual([]);
}

const EXITED = (exitCode: number, restartCount = 0) => ({
  RestartCount: restartCount,
  State: { Status: "exited", ExitCode: exitCode },
});
const RESTARTED = { RestartCount: expect.toSatisfy((count: number) => count >= 1) };
const RUNS_AGAIN = { ...RESTARTED, State: { Status: "running" } };

describe("each restart policy, when", () => {
  it("a person stops the container: it stays stopped", async () => {
    const containers = await startAll(...SLEEPS);
    await host.node.succeed("stop", "-t", "0", ...Object.values(containers));

    await untilAll(containers, ofEach(EXITED(137)));
    await staysStopped(containers);
  });

  it("a person kills the container: it stays so", async () => {
    const containers = await startAll(...SLEEPS);
    await host.node.succeed("kill", ...Object.values(containers));

    await untilAll(containers, ofEach(EXITED(137)));
    await staysStopped(containers);
  });

  it("a person pauses the container: it stays paused", async () => {
    const containers = await startAll(...SLEEPS);
    await host.node.succeed("pause", ...Object.values(containers));
    const paused = ofEach({ RestartCount: 0, State: { Status: "paused" } });

    await untilAll(containers, paused);
    await host.killSupervisor();
    await host.node.succeed("supervisor", "start");
    await host.containerd.restart("kill");
    await host.node.succeed("run", "--rm", "--network", "none", "busybox", "true");
    await untilAll(containers, paused);
  });

  it("the process ends well", async () => {
    const containers = await startAll("true");

    await untilAll(containers, {
      no: EXITED(0),
      "on-failure": EXITED(0),
      "on-failure:2": EXITED(0),
      always: RESTARTED,
      "unless-stopped": RESTARTED,
    });
  });

  it("the process fails", async () => {
    const containers = await startAll("false");

    await untilAll(containers, {
      no: EXITED(1),
      "on-failure": { RestartCount: expect.toSatisfy((count: number) => count >= 3) },
      "on-failure:2": EXITED(1, 2),
      always: RESTARTED,
      "unless-stopped": RESTARTED,
    });
    const history = (await inspectAll(containers)).get("on-failure:2")?.RestartHistory;
    expect(history).toMatchObject(Array(2).fill({ Reason: "exit", ExitCode: 1, OOMKilled: false }));
  });

  it("somebody kills the process who is no client of wharf's", async () => {
    const containers = await startAll(...SLEEPS);
    for (const { State } of (await inspectAll(containers)).values()) process.kill(State.Pid, "SIGKILL");

    await untilAll(containers, { ...ofEach(RUNS_AGAIN), no: EXITED(137) });
  });

  it("the kernel kills the process for want of memory: that is a failure, and said to be one of memory", async () => {
    const containers = await startAllWith(["--memory", "16m", "--memory-swap", "16m"], "tail", "/dev/zero");

    await untilAll(containers, {
      no: EXITED(137),
      "on-failure": RESTARTED,
      "on-failure:2": EXITED(137, 2),
      always: RESTARTED,
      "unless-stopped": RESTARTED,
    });
    // The kernel's word comes by another way than the exit, and may come behind it.
    await waitUntil("the want of memory is told of those that stay so", async () => {
      const views = await inspectAll(containers);
      for (const policy of ["no", "on-failure:2"] as const) expect(views.get(policy)?.State.OOMKilled).toBe(true);
      return true;
    });
    for (const [, { RestartHistory: history = [] }] of await inspectAll(containers)) {
      for (const { ExitCode } of history ?? []) expect(ExitCode).toBe(137);
    }
  });

  it("the supervisor is killed: nothing happens", async () => {
    const containers = await startAll(...SLEEPS);
    const before = await inspectAll(containers);
    await host.killSupervisor();
    await host.node.succeed("supervisor", "start");
    await host.node.succeed("run", "--rm", "--network", "none", "busybox", "true");

    for (const [policy, { State, RestartCount }] of await inspectAll(containers)) {
      expect({ policy, State, RestartCount }).toEqual({ policy, State: before.get(policy)?.State, RestartCount: 0 });
    }
  });

  it.each(["stop", "kill"] as const)("containerd is restarted (%s): nothing happens", async (how) => {
    const containers = await startAll(...SLEEPS);
    const before = await inspectAll(containers);
    await host.containerd.restart(how);
    await host.node.succeed("run", "--rm", "--network", "none", "busybox", "true");

    for (const [policy, { State, RestartCount }] of await inspectAll(containers)) {
      expect({ policy, State, RestartCount }).toEqual({ policy, State: before.get(policy)?.State, RestartCount: 0 });
    }
  });

  it("the host is rebooted while the container runs", async () => {
    const containers = await startAll(...SLEEPS);
    await host.pretendReboot(Object.values(containers));
    await host.node.succeed("supervisor", "start");

    await untilAll(containers, { ...ofEach(RUNS_AGAIN), no: EXITED(255) });
    expect((await inspectAll(containers)).get("always")?.RestartHistory).toMatchObject([
      { Reason: "unseen", ExitCode: 255, OOMKilled: false },
    ]);
  });

  it("the host loses power while the container is being stopped: it is stopped", async () => {
    const containers = await startAll(...SLEEPS);
    await host.killSupervisor();
    for (const id of Object.values(containers)) await host.writeState(id, { desired: "stopped", stoppedByUser: true });
    for (const { State } of (await inspectAll(containers)).values()) process.kill(State.Pid, "SIGKILL");
    await host.node.succeed("supervisor", "start");

    await untilAll(containers, ofEach(EXITED(137)));
  });
});

describe("a restart", () => {
  it("that is owed is done by the next supervisor, after the same pause, and counts once", async () => {
    const id = await host.node.succeed("run", "-d", "--network", "none", "--restart", "always", "busybox", ...SLEEPS);
    await host.node.succeed("stop", "-t", "0", id);
    await host.killSupervisor();
    const finishedAt = (await host.readState(id)).finishedAt;
    await host.writeState(id, { desired: "running", stoppedByUser: false, restartDelayMs: 1, exitCode: 4 });
    expect((await host.inspect(id)).State).toMatchObject({ Status: "restarting", ExitCode: 4 });

    await host.node.succeed("supervisor", "start");

    const { RestartCount, State } = await host.untilState(id, { Status: "running" });
    expect(RestartCount).toBe(1);
    // It was not settled again: the exit was known.
    expect(State.FinishedAt).toBe(finishedAt);
  });

  it("by a person that was cut short is no restart: a container without a policy stays stopped", async () => {
    const id = await host.node.succeed("run", "-d", "--network", "none", "busybox", "sh", "-c", "exit 3");
    await host.untilState(id, { Status: "exited" });
    await waitUntil("its exit is settled", async () => (await host.readState(id)).desired === "stopped");
    await host.killSupervisor();
    await host.writeState(id, { desired: "running" });

    await host.node.succeed("supervisor", "start");

    await waitUntil("it is meant to be still", async () => (await host.readState(id)).desired === "stopped");
    expect((await host.inspect(id)).State).toMatchObject({ Status: "exited", ExitCode: 3 });
  });

  it("was for want of memory also where that is told behind the exit", async () => {
    const id = await host.node.succeed("run", "-d", "--network", "none", "busybox", ...SLEEPS);
    await host.node.succeed("kill", id);
    await host.untilState(id, { Status: "exited", ExitCode: 137, OOMKilled: false });

    await tellOom(id);

    await host.untilState(id, { Status: "exited", ExitCode: 137, OOMKilled: true });
    expect(await host.readState(id)).toMatchObject({ oomKilled: true });
  });

  it("has a reason that tells want of memory from an exit", async () => {
    const hungry = "tail /dev/zero; sleep 1; exit 1";
    const flags = ["--network", "none", "--restart", "on-failure", "--memory", "16m"];
    const id = await host.node.succeed("run", "-d", ...flags, "busybox", "sh", "-c", hungry);

    // The kernel's word comes by another way than the exit, and may come behind it.
    const { RestartHistory: history } = await waitUntil("a restart is for want of memory", async () => {
      const container = await host.inspect(id);
      return container.RestartHistory?.some(({ Reason }) => Reason === "oom") && container;
    });
    expect(history?.find(({ Reason }) => Reason === "oom")).toMatchObject({ ExitCode: 1, OOMKilled: true });
  });
});
