import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ContainerState, STATE_EXTENSION } from "../../src/model/container-record.ts";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import { startContainerd, type TestContainerd } from "../support/containerd.ts";
import { TestNode } from "../support/namespace.ts";
import { noNetworkTraces } from "../support/network-traces.ts";
import { waitUntil } from "../support/wait-until.ts";

// A containerd of its own: these tests kill its supervisor, which serves all namespaces.
let containerd: TestContainerd;
let directory: string;
let node: TestNode;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-r-"));
  containerd = await startContainerd();
  const roots = { dataRoot: join(directory, "data"), runRoot: join(directory, "run") };
  const host = { address: containerd.address, containerdVersion: containerd.version, registry: "", ...roots };
  node = new TestNode(host, "recovered");
  await node.client.namespaces.create(node.namespace);
  await node.load("busybox");
});

afterEach(async () => {
  const ids = (await node.succeed("ps", "-aq")).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await node.succeed("rm", "-f", ...ids);
});

afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await node.succeed("supervisor", "stop");
  await containerd[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function killSupervisor(): Promise<void> {
  const status = async () =>
    JSON.parse((await node.cli("supervisor", "status", "--format", "json")).stdout) as {
      Pid: number;
      Running: boolean;
    };
  process.kill((await status()).Pid, "SIGKILL");
  await waitUntil("the supervisor is gone", async () => !(await status()).Running);
}

async function inspect(name: string): Promise<ContainerInspect> {
  const [container] = JSON.parse(await node.succeed("container", "inspect", name)) as ContainerInspect[];
  return container as ContainerInspect;
}

async function untilState(name: string, state: Partial<ContainerInspect["State"]>): Promise<ContainerInspect> {
  return await waitUntil(`${name} is ${JSON.stringify(state)}`, async () => {
    const container = await inspect(name);
    expect(container.State).toMatchObject(state);
    return container;
  });
}

async function readState(id: string): Promise<ContainerState> {
  return (await node.client.containers.get(id)).extension(STATE_EXTENSION) as ContainerState;
}

/** Writes what an interrupted supervisor would have left. */
async function writeState(id: string, change: Partial<ContainerState>): Promise<void> {
  const state = { ...(await readState(id)), ...change };
  await node.client.containers.update({ id, extensions: { [STATE_EXTENSION]: state } }, [
    `extensions.${STATE_EXTENSION}`,
  ]);
}

/** What a power cut leaves: no task, another boot. The network namespaces stay, which a real one would take too. */
async function pretendReboot(ids: readonly string[]): Promise<void> {
  await killSupervisor();
  for (const id of ids) {
    await node.client.tasks.resume(id).catch(() => undefined);
    await node.client.tasks.kill(id, { signal: 9 }).catch(() => undefined);
    await waitUntil("the task is deleted", async () => {
      await node.client.tasks.delete(id).catch(() => undefined);
      return (await node.client.tasks.list()).every(({ containerId }) => containerId !== id);
    });
    await writeState(id, { bootId: "another boot" });
  }
}

const POLICIES = ["no", "on-failure", "always", "unless-stopped"] as const;

/** Makes a container of each policy, prepared by `prepare`, and returns their ids by policy. */
async function containersOfEachPolicy(prepare: (name: string) => Promise<unknown>): Promise<Record<string, string>> {
  const ids: Record<string, string> = {};
  for (const policy of POLICIES) {
    const options = ["--network", "none", "--name", policy, "--restart", policy];
    ids[policy] = await node.succeed("create", ...options, "busybox", "sleep", "1000");
    await prepare(policy);
  }
  return ids;
}

describe("a new supervisor, after the old one was killed", () => {
  it("settles the exits that nobody saw, and restarts as each policy says", async () => {
    await containersOfEachPolicy((name) => node.succeed("start", name));
    const pids = await Promise.all(POLICIES.map(async (policy) => (await inspect(policy)).State.Pid));
    await killSupervisor();
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await waitUntil("all have ended", async () =>
      (await node.client.tasks.list()).every((task) => task.status === "stopped"),
    );

    // Without a supervisor the state is right already, as far as containerd knows it.
    expect((await inspect("always")).State).toMatchObject({ Status: "exited", ExitCode: 137 });
    await node.succeed("supervisor", "start");

    await untilState("no", { Status: "exited", ExitCode: 137 });
    for (const policy of POLICIES.slice(1)) {
      expect((await untilState(policy, { Status: "running" })).RestartCount).toBe(1);
    }
  });

  it.each([
    [
      "stopped",
      "exited",
      (name: string) => node.succeed("start", name).then(() => node.succeed("stop", "-t", "0", name)),
    ],
    ["created", "created", async () => undefined],
  ] as const)("leaves %s containers alone, whatever their policy", async (_what, status, prepare) => {
    await containersOfEachPolicy(prepare);

    await killSupervisor();
    await node.succeed("supervisor", "start");

    for (const policy of POLICIES) expect((await inspect(policy)).State.Status).toBe(status);
    expect(await node.client.tasks.list()).toEqual([]);
  });

  it("leaves paused containers paused", async () => {
    await node.succeed("run", "-d", "--network", "none", "--name", "web", "busybox", "sleep", "1000");
    await node.succeed("pause", "web");

    await killSupervisor();

    expect((await node.cli("pause", "web")).stderr).toContain("is already paused");
    expect((await node.cli("attach", "web")).stderr).toContain("paused container");
    expect(await node.succeed("unpause", "web")).toBe("web");
  });

  it("finishes removals that were begun", async () => {
    const id = await node.succeed("run", "-d", "--name", "web", "busybox", "sleep", "1000");
    await killSupervisor();
    await writeState(id, { desired: "removed" });
    expect((await inspect("web")).State.Status).toBe("removing");

    await node.succeed("supervisor", "start");

    await waitUntil("the container is gone", async () => (await node.succeed("ps", "-aq")) === "");
    expect(await node.client.snapshots.list(["kind==active"])).toEqual([]);
    await noNetworkTraces(node.host.runRoot, id);
  });

  it("undoes a start that was cut short between the task and its process", async () => {
    const id = await node.succeed("create", "--network", "none", "--name", "web", "busybox", "true");
    await killSupervisor();
    await writeState(id, { desired: "running" });
    const stdio = { stdin: "", stdout: "", stderr: "", terminal: false };
    const rootfs = await node.client.snapshots.mounts(id);
    await node.client.tasks.create({ containerId: id, rootfs, ...stdio });

    await node.succeed("supervisor", "start");

    await waitUntil("the task is gone", async () => (await node.client.tasks.list()).length === 0);
    await untilState("web", { Status: "created" });
    expect((await node.cli("start", "-a", "web")).exitCode).toBe(0);
  });

  it("knows which names are taken", async () => {
    const id = await node.succeed("create", "--network", "none", "--name", "web", "busybox", "true");
    await killSupervisor();

    expect((await node.cli("create", "--name", "web", "busybox", "true")).stderr).toContain(`by container "${id}"`);
    await node.succeed("rm", "web");
    expect((await node.cli("create", "--network", "none", "--name", "web", "busybox", "true")).exitCode).toBe(0);
    await node.succeed("rm", "web");
  });
});

describe("after a reboot", () => {
  it("runs that it interrupted go on as each policy says", async () => {
    const ids = await containersOfEachPolicy((name) => node.succeed("start", name));
    await pretendReboot(Object.values(ids));

    await node.succeed("supervisor", "start");

    await untilState("no", { Status: "exited", ExitCode: 255 });
    for (const policy of POLICIES.slice(1)) await untilState(policy, { Status: "running" });
  });

  it("of what a person had stopped, always starts and unless-stopped does not", async () => {
    const ids = await containersOfEachPolicy(async (name) => {
      await node.succeed("start", name);
      await node.succeed("stop", "-t", "0", name);
    });
    await pretendReboot(Object.values(ids));

    await node.succeed("supervisor", "start");

    await untilState("always", { Status: "running" });
    for (const policy of ["no", "on-failure", "unless-stopped"]) {
      expect((await inspect(policy)).State.Status).toBe("exited");
    }
  });

  it("a container has its network and its ports again", async () => {
    const options = ["--name", "web", "--restart", "always", "-p", "18191:80"];
    const id = await node.succeed("run", "-d", ...options, "busybox", "sleep", "1000");
    await pretendReboot([id]);

    await node.succeed("supervisor", "start");

    await untilState("web", { Status: "running" });
    // The address is written down beside the start, which `supervisor start` does not wait for.
    const addressOf = "{{.NetworkSettings.IPAddress}}";
    const address = await waitUntil("its address is known", () => node.succeed("inspect", "-f", addressOf, "web"));
    expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(await node.succeed("port", "web")).toBe("80/tcp -> 0.0.0.0:18191");
    await node.succeed("rm", "-f", "web");
    await noNetworkTraces(node.host.runRoot, id);
  });

  it("containers of --rm are gone", async () => {
    const id = await node.succeed("run", "-d", "--rm", "--network", "none", "busybox", "sleep", "1000");
    await pretendReboot([id]);

    await node.succeed("supervisor", "start");

    await waitUntil("the container is gone", async () => (await node.succeed("ps", "-aq")) === "");
  });
});
