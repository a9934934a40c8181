import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, open, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { containerdPrograms } from "../support/containerd.ts";
import { type Leftover, processesBelow } from "../support/leftovers.ts";
import type { TestNode } from "../support/namespace.ts";
import { noNetworkTraces } from "../support/network-traces.ts";
import { runProgram } from "../support/program.ts";
import { SupervisedHost } from "../support/supervised-host.ts";
import { waitUntil } from "../support/wait-until.ts";

let host: SupervisedHost;
let node: TestNode;

beforeAll(async () => {
  host = await SupervisedHost.start();
  node = host.node;
});

afterEach(() => host.clear());

afterAll(() => host[Symbol.asyncDispose]());

const BOOT_ID = "/proc/sys/kernel/random/boot_id";
const POLICIES = ["no", "on-failure", "always", "unless-stopped"] as const;

async function socketsOf(pid: number): Promise<string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  return targets.filter((target) => target.startsWith("socket:"));
}

async function shimsOf(id: string): Promise<Leftover[]> {
  const all = await processesBelow(host.containerd.directory);
  return all.filter(({ commandLine }) => commandLine.includes(` -id ${id} `));
}

/** Starts a container's shim as containerd does, which knows nothing of it. The directory it runs in is to be disposed of. */
async function startShim(id: string): Promise<AsyncDisposable> {
  const bundle = await mkdtemp(join(host.directory, "bundle-"));
  const { spec } = await node.client.containers.get(id);
  await writeFile(join(bundle, "config.json"), JSON.stringify(spec));
  // It writes its log into a FIFO, and waits for a reader.
  await runProgram("mkfifo", [join(bundle, "log")]);
  const log = await open(join(bundle, "log"), "r+");
  const { address } = host.containerd;
  const program = join(containerdPrograms(), "containerd-shim-runc-v2");
  const words = [program, "-namespace", node.namespace, "-id", id, "-address", address, "start"];
  const env = { ...process.env, GRPC_ADDRESS: address, TTRPC_ADDRESS: `${address}.ttrpc` };
  await runProgram("env", ["-C", bundle, ...words], { env });
  return {
    async [Symbol.asyncDispose]() {
      await log.close();
      await rm(bundle, { recursive: true });
    },
  };
}

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
    const pids = await Promise.all(POLICIES.map(async (policy) => (await host.inspect(policy)).State.Pid));
    await host.killSupervisor();
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await waitUntil("all have ended", async () =>
      (await node.client.tasks.list()).every((task) => task.status === "stopped"),
    );

    // Without a supervisor the state is right already, as far as containerd knows it.
    expect((await host.inspect("always")).State).toMatchObject({ Status: "exited", ExitCode: 137 });
    await node.succeed("supervisor", "start");

    await host.untilState("no", { Status: "exited", ExitCode: 137 });
    for (const policy of POLICIES.slice(1)) {
      expect((await host.untilState(policy, { Status: "running" })).RestartCount).toBe(1);
    }
  });

  it("ends a shim that is stuck in a start that was cut short, and starts the container", async () => {
    const id = await node.succeed("create", "--name", "web", "--network", "none", "busybox", "sleep", "1000");
    await node.succeed("supervisor", "start");
    await host.killSupervisor();
    await host.writeState(id, { desired: "running", bootId: (await readFile(BOOT_ID, "utf8")).trim() });
    const words = ["-namespace", node.namespace, "-id", id, "-address", host.containerd.address];
    const stuck = spawn("/bin/sh", ["-c", "while read -r line; do :; done", ...words], {
      argv0: "/usr/bin/containerd-shim-runc-v2",
      // It ends with its input, so that a failing test leaves none behind.
      stdio: ["pipe", "ignore", "ignore"],
    });
    const ended = new Promise((resolve) => stuck.once("exit", (_code, signal) => resolve(signal)));

    await node.succeed("start", "web");

    // It has no task, so whoever comes first takes it for a stray one or for one that is stuck.
    expect(["SIGTERM", "SIGKILL"]).toContain(await ended);
    await host.untilState("web", { Status: "running" });
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

    await host.killSupervisor();
    await node.succeed("supervisor", "start");

    for (const policy of POLICIES) expect((await host.inspect(policy)).State.Status).toBe(status);
    expect(await node.client.tasks.list()).toEqual([]);
  });

  it("leaves paused containers paused", async () => {
    await node.succeed("run", "-d", "--network", "none", "--name", "web", "busybox", "sleep", "1000");
    await node.succeed("pause", "web");

    await host.killSupervisor();

    expect((await node.cli("pause", "web")).stderr).toContain("is already paused");
    expect((await node.cli("attach", "web")).stderr).toContain("paused container");
    expect(await node.succeed("unpause", "web")).toBe("web");
  });

  it("finishes removals that were begun", async () => {
    const id = await node.succeed("run", "-d", "--name", "web", "busybox", "sleep", "1000");
    await host.killSupervisor();
    await host.writeState(id, { desired: "removed" });
    expect((await host.inspect("web")).State.Status).toBe("removing");

    await node.succeed("supervisor", "start");

    await waitUntil("the container is gone", async () => (await node.succeed("ps", "-aq")) === "");
    expect(await node.client.snapshots.list(["kind==active"])).toEqual([]);
    await noNetworkTraces(node.host.runRoot, id);
  });

  it.each([
    ["with", true],
    ["without", false],
  ])("finishes removals %s the anonymous volumes, as was asked", async (_what, removesVolumes) => {
    const id = await node.succeed("create", "--network", "none", "-v", "/data", "busybox", "true");
    const [{ Source: source = "" } = {}] = (await host.inspect(id)).Mounts;
    await host.killSupervisor();
    await host.writeState(id, { desired: "removed", removesVolumes });

    await node.succeed("supervisor", "start");

    await waitUntil("the container is gone", async () => (await node.succeed("ps", "-aq")) === "");
    expect(existsSync(source)).toBe(!removesVolumes);
    await rm(dirname(source), { recursive: true, force: true });
  });

  it("has those who wait for the end of a container go on waiting", async () => {
    await node.succeed("run", "-d", "--network", "none", "--name", "web", "busybox", "sleep", "1000");
    const waiting = node.start({}, "wait", "web");
    // Its stdio are three sockets; the fourth is the supervisor's.
    await waitUntil("it waits", async () => (await socketsOf(waiting.pid)).length > 3);
    await host.killSupervisor();
    await node.succeed("kill", "web");
    expect(await waiting.result).toEqual({ exitCode: 0, stdout: "137\n", stderr: "" });
  });

  it.each(["created", "removed"] as const)("ends a shim that outlived the task of a %s container", async (desired) => {
    const id = await node.succeed("create", "--network", "none", "--name", "web", "busybox", "true");
    await host.killSupervisor();
    await host.writeState(id, { desired });
    await using _bundle = await startShim(id);
    expect(await shimsOf(id)).toHaveLength(1);

    await node.succeed("supervisor", "start");

    await waitUntil("the shim has ended", async () => (await shimsOf(id)).length === 0);
    if (desired === "created") expect((await node.cli("start", "-a", "web")).exitCode).toBe(0);
    else await waitUntil("the container is gone", async () => (await node.succeed("ps", "-aq")) === "");
  });

  it("undoes a start that was cut short between the task and its process", async () => {
    const id = await node.succeed("create", "--network", "none", "--name", "web", "busybox", "true");
    await host.killSupervisor();
    await host.writeState(id, { desired: "running" });
    const stdio = { stdin: "", stdout: "", stderr: "", terminal: false };
    const rootfs = await node.client.snapshots.mounts(id);
    await node.client.tasks.create({ containerId: id, rootfs, ...stdio });

    await node.succeed("supervisor", "start");

    await waitUntil("the task is gone", async () => (await node.client.tasks.list()).length === 0);
    await host.untilState("web", { Status: "created" });
    expect((await node.cli("start", "-a", "web")).exitCode).toBe(0);
  });

  it("knows which names are taken", async () => {
    const id = await node.succeed("create", "--network", "none", "--name", "web", "busybox", "true");
    await host.killSupervisor();

    expect((await node.cli("create", "--name", "web", "busybox", "true")).stderr).toContain(`by container "${id}"`);
    await node.succeed("rm", "web");
    expect((await node.cli("create", "--network", "none", "--name", "web", "busybox", "true")).exitCode).toBe(0);
    await node.succeed("rm", "web");
  });
});

describe("after a reboot", () => {
  it("runs that it interrupted go on as each policy says", async () => {
    const ids = await containersOfEachPolicy((name) => node.succeed("start", name));
    await host.pretendReboot(Object.values(ids));

    await node.succeed("supervisor", "start");

    await host.untilState("no", { Status: "exited", ExitCode: 255 });
    for (const policy of POLICIES.slice(1)) await host.untilState(policy, { Status: "running" });
  });

  it("a container has its network and its ports again", async () => {
    const options = ["--name", "web", "--restart", "always", "-p", "18191:80"];
    const id = await node.succeed("run", "-d", ...options, "busybox", "sleep", "1000");
    await host.pretendReboot([id]);

    await node.succeed("supervisor", "start");

    await host.untilState("web", { Status: "running" });
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
    await host.pretendReboot([id]);

    await node.succeed("supervisor", "start");

    await waitUntil("the container is gone", async () => (await node.succeed("ps", "-aq")) === "");
  });
});
