import { describe, expect, it } from "vitest";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import { nodeOfFile } from "../support/file-node.ts";
import { noNetworkTraces } from "../support/network-traces.ts";
import { waitUntil } from "../support/wait-until.ts";

const node = nodeOfFile({ cleared: true });

/** Runs a container in the background, without a network, which these tests do not need. */
async function runDetached(name: string, ...rest: string[]): Promise<string> {
  return await node.succeed("run", "-d", "--network", "none", "--name", name, ...rest);
}

async function inspect(name: string): Promise<ContainerInspect> {
  const [container] = JSON.parse(await node.succeed("container", "inspect", name)) as ContainerInspect[];
  return container as ContainerInspect;
}

async function stateOf(name: string): Promise<ContainerInspect["State"]> {
  return (await inspect(name)).State;
}

/** All that a namespace may hold of containers. */
async function contents() {
  const [containers, tasks, snapshots] = await Promise.all([
    node.client.containers.list(),
    node.client.tasks.list(),
    node.client.snapshots.list(),
  ]);
  return { containers: containers.length, tasks: tasks.length, snapshots: snapshots.length };
}

/** Leases are let go a moment after a container was made. */
async function noLeases(): Promise<void> {
  await waitUntil("no lease is left", async () => (await node.client.leases.list()).length === 0);
}

const NOT_FOUND = 'exec: "nosuch": executable file not found in $PATH';
const REFUSED = "failed to create task for container: failed to create shim task: OCI runtime create failed";

describe("create and start", () => {
  it("makes a container that waits, and runs it as often as it is asked", async () => {
    const id = await node.succeed("create", "--network", "none", "--name", "web", "busybox", "sh", "-c", "exit 3");

    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await stateOf("web")).toMatchObject({ Status: "created", Pid: 0, ExitCode: 0 });
    for (const _round of [1, 2]) {
      expect(await node.succeed("start", "web")).toBe("web");
      expect(await node.succeed("wait", "web")).toBe("3");
    }
    expect(await stateOf("web")).toMatchObject({ Status: "exited", ExitCode: 3, Running: false, Error: "" });
    expect(await contents()).toMatchObject({ containers: 1, tasks: 0 });
  });

  it("starts what runs already without a word", async () => {
    await runDetached("web", "busybox", "sleep", "1000");
    const { Pid: pid } = await stateOf("web");

    expect(await node.cli("start", "web")).toEqual({ exitCode: 0, stdout: "web\n", stderr: "" });
    expect((await stateOf("web")).Pid).toBe(pid);
  });

  it("keeps what a container has written from one run to the next", async () => {
    const script = "echo run >> /runs; wc -l < /runs";
    await node.succeed("run", "--network", "none", "--name", "web", "busybox", "sh", "-c", script);

    expect(await node.succeed("start", "-a", "web")).toBe("2");
  });

  it("gives a name to who asks for none", async () => {
    await node.succeed("create", "busybox", "true");

    expect(await node.succeed("ps", "-a", "--format", "{{.Names}}")).toMatch(/^[a-z]+_[a-z]+$/);
  });
});

describe("a command that cannot be started", () => {
  it.each([
    { what: "is not there", command: "nosuch", exitCode: 127, reason: NOT_FOUND },
    {
      what: "is not executable",
      command: "/etc/passwd",
      exitCode: 126,
      reason: 'exec: "/etc/passwd": permission denied',
    },
  ])("because it $what: exit code $exitCode", async ({ command, exitCode, reason }) => {
    const result = await node.cli("run", "--network", "none", "--name", "web", "busybox", command);

    expect(result).toMatchObject({ exitCode, stdout: "" });
    expect(result.stderr).toContain(REFUSED);
    expect(result.stderr).toContain(reason);
    expect(await stateOf("web")).toMatchObject({
      Status: "created",
      ExitCode: exitCode,
      Error: expect.stringContaining(reason),
      StartedAt: "0001-01-01T00:00:00Z",
    });
    expect(await contents()).toMatchObject({ containers: 1, tasks: 0 });
  });

  it("leaves nothing of a container that was to be removed", async () => {
    const before = await contents();

    const result = await node.cli("run", "--rm", "-p", "18091:80", "busybox", "nosuch");

    expect(result.exitCode).toBe(127);
    expect(await contents()).toEqual(before);
    await noLeases();
    // Its port is free for the next one.
    const id = await node.succeed("run", "-d", "--name", "web", "-p", "18091:80", "busybox", "sleep", "1000");
    await node.succeed("rm", "-f", "web");
    await noNetworkTraces(node.host.runRoot, id);
  });

  it("leaves a container that can be started once the reason is gone", async () => {
    await node.cli("run", "--network", "none", "--name", "web", "-v", "late:/late", "busybox", "/late/go");
    const volume = (await inspect("web")).Mounts[0]?.Source;
    const script = "printf '#!/bin/sh\\n' > /late/go; chmod +x /late/go";
    await node.succeed("run", "--rm", "--network", "none", "-v", "late:/late", "busybox", "sh", "-c", script);

    expect(volume).toMatch(/late\/_data$/);
    expect(await node.cli("start", "-a", "web")).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(await stateOf("web")).toMatchObject({ Status: "exited", ExitCode: 0, Error: "" });
  });
});

describe("names", () => {
  it("belong to one container at a time", async () => {
    const id = await runDetached("web", "busybox", "sleep", "1000");

    const result = await node.cli("run", "--network", "none", "--name", "web", "busybox", "true");

    expect(result.exitCode).toBe(125);
    expect(result.stderr).toContain(`The container name "/web" is already in use by container "${id}".`);
    expect(await contents()).toMatchObject({ containers: 1, tasks: 1 });
    await node.succeed("rm", "-f", "web");
    expect((await node.cli("run", "--network", "none", "--name", "web", "busybox", "true")).exitCode).toBe(0);
  });

  it("are given once, however many ask at the same time", async () => {
    const create = () => node.cli("create", "--network", "none", "--name", "web", "busybox", "true");

    const results = await Promise.all(Array.from({ length: 30 }, create));

    const lucky = results.filter(({ exitCode }) => exitCode === 0);
    expect(lucky).toHaveLength(1);
    for (const { exitCode, stderr } of results.filter((result) => !lucky.includes(result))) {
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/container name "\/web" is already in use by container "[0-9a-f]{64}"/);
    }
    expect(await node.succeed("ps", "-aq", "--no-trunc")).toBe(lucky[0]?.stdout.trim());
    await noLeases();
  });

  it("can be changed, and used again", async () => {
    const id = await runDetached("web", "busybox", "sleep", "1000");
    await node.succeed("rename", "web", "front");

    expect((await inspect("front")).Id).toBe(id);
    expect((await node.cli("stop", "web")).stderr).toContain("o such container: web");
    await node.succeed("create", "--name", "web", "busybox", "true");
    const taken = await node.cli("rename", "web", "front");
    expect(taken.exitCode).toBe(1);
    expect(taken.stderr).toContain(`The container name "/front" is already in use by container "${id}"`);
    expect((await node.cli("rename", "web", "web")).stderr).toContain("same name as its current name");
    expect((await node.cli("rename", "web", "a/b")).exitCode).toBe(1);
  });
});

describe("stop, kill and restart", () => {
  const WAITS_FOR_TERM = ["sh", "-c", 'trap "exit 5" TERM; trap "exit 6" USR1; while :; do sleep 0.05; done'];

  /** Once the shell has set its traps. */
  async function runTrapping(...options: string[]): Promise<void> {
    const script = WAITS_FOR_TERM.with(2, `${WAITS_FOR_TERM[2]?.replace("while", "echo ready; while")}`);
    await runDetached("web", ...options, "busybox", ...script);
    await waitUntil("the traps are set", async () => (await node.succeed("logs", "web")) === "ready");
  }

  it("stops by the signal that the container understands", async () => {
    await runTrapping();

    expect(await node.succeed("stop", "web")).toBe("web");
    expect(await stateOf("web")).toMatchObject({ Status: "exited", ExitCode: 5 });
    expect(await node.cli("stop", "web")).toEqual({ exitCode: 0, stdout: "web\n", stderr: "" });
  });

  it("takes the signal from the container, and from the command line", async () => {
    await runTrapping("--stop-signal", "USR1");
    await node.succeed("stop", "web");
    expect((await stateOf("web")).ExitCode).toBe(6);

    await node.succeed("start", "web");
    await waitUntil("the traps are set", async () => (await node.succeed("logs", "web")) === "ready\nready");
    await node.succeed("stop", "--signal", "TERM", "web");
    expect((await stateOf("web")).ExitCode).toBe(5);
  });

  it("kills what does not listen, after the time that was given", async () => {
    await runDetached("web", "busybox", "sleep", "1000");

    await node.succeed("stop", "-t", "1", "web");

    expect(await stateOf("web")).toMatchObject({ Status: "exited", ExitCode: 137 });
  });

  it("stops and goes on after one that is not there", async () => {
    await runDetached("web", "busybox", "sleep", "1000");

    const result = await node.cli("stop", "-t", "0", "ghost", "web");

    expect(result).toMatchObject({ exitCode: 1, stdout: "web\n" });
    expect(result.stderr).toContain("o such container: ghost");
  });

  it("sends signals, and refuses where nobody takes them", async () => {
    await runTrapping();

    expect(await node.succeed("kill", "-s", "USR1", "web")).toBe("web");
    expect(await node.succeed("wait", "web")).toBe("6");
    const { Id: id } = await inspect("web");
    expect((await node.cli("kill", "web")).stderr).toContain(`container ${id} is not running`);
    expect((await node.cli("kill", "-s", "NOPE", "web")).stderr).toContain("invalid signal: NOPE");
  });

  it("restarts with a new process and the same file system", async () => {
    await runDetached("web", "busybox", "sleep", "1000");
    const before = await stateOf("web");

    expect(await node.succeed("restart", "-t", "0", "web")).toBe("web");

    const after = await stateOf("web");
    expect(after).toMatchObject({ Status: "running", ExitCode: 0 });
    expect(after.Pid).not.toBe(before.Pid);
    expect(after.StartedAt > before.StartedAt).toBe(true);
    expect(await contents()).toMatchObject({ containers: 1, tasks: 1 });
  });

  it("restarts a container of --rm without removing it", async () => {
    await node.succeed("run", "-d", "--rm", "--network", "none", "--name", "web", "busybox", "sleep", "1000");
    await node.succeed("restart", "-t", "0", "web");

    expect((await stateOf("web")).Status).toBe("running");
    await node.succeed("stop", "-t", "0", "web");
    await waitUntil("the container is gone", async () => (await node.succeed("ps", "-aq")) === "");
  });
});

describe("pause", () => {
  it("freezes a container until it goes on", async () => {
    const id = await runDetached("web", "busybox", "sleep", "1000");

    expect(await node.succeed("pause", "web")).toBe("web");
    expect(await stateOf("web")).toMatchObject({ Status: "paused", Paused: true, Running: true });
    expect((await node.cli("pause", "web")).stderr).toContain(`Container ${id} is already paused`);
    expect((await node.cli("rm", "web")).stderr).toContain("container is paused and must be unpaused first");
    expect(await node.succeed("unpause", "web")).toBe("web");
    expect(await stateOf("web")).toMatchObject({ Status: "running", Paused: false });
    expect((await node.cli("unpause", "web")).stderr).toContain(`Container ${id} is not paused`);
  });

  it("does not keep a container from being stopped", async () => {
    await runDetached("web", "busybox", "sleep", "1000");
    await node.succeed("pause", "web");

    await node.succeed("stop", "-t", "1", "web");

    expect(await stateOf("web")).toMatchObject({ Status: "exited", ExitCode: 137 });
  });

  it("does not keep a container from being removed by force", async () => {
    await runDetached("web", "busybox", "sleep", "1000");
    await node.succeed("pause", "web");

    expect(await node.succeed("rm", "-f", "web")).toBe("web");
  });
});

describe("rm", () => {
  it("refuses what runs, in docker's words", async () => {
    await runDetached("web", "busybox", "sleep", "1000");

    const result = await node.cli("rm", "web");

    expect(result).toMatchObject({ exitCode: 1, stdout: "" });
    expect(result.stderr).toContain(
      'cannot remove container "web": container is running: stop the container before removing or force remove',
    );
  });

  it("takes everything along", async () => {
    const before = await contents();
    const id = await runDetached("web", "-v", "/anonymous", "-v", "named:/named", "busybox", "sleep", "1000");
    const { Mounts: mounts, LogPath: logPath } = await inspect("web");

    expect(await node.succeed("rm", "-f", "-v", "web")).toBe("web");

    expect(await contents()).toEqual(before);
    await noLeases();
    await noNetworkTraces(node.host.runRoot, id);
    const { existsSync } = await import("node:fs");
    const anonymous = mounts.find(({ Destination }) => Destination === "/anonymous");
    expect(existsSync(anonymous?.Source ?? "/")).toBe(false);
    expect(existsSync(mounts.find(({ Name }) => Name === "named")?.Source ?? "")).toBe(true);
    expect(existsSync(logPath)).toBe(false);
  });

  it.each([
    ["task", (id: string) => node.client.tasks.kill(id, { signal: 9 })],
    ["snapshot", (id: string) => node.client.snapshots.remove(id)],
    ["record", (id: string) => node.client.containers.delete(id)],
  ] as const)("ends well when somebody else has taken the %s", async (what, take) => {
    await node.succeed("create", "--network", "none", "--name", "web", "busybox", "sleep", "1000");
    const { Id: id } = await inspect("web");
    if (what === "task") await node.succeed("start", "web");
    await take(id);

    // Without its record nobody knows the container any more, and rm -f forgives that alone.
    expect((await node.cli("rm", "-f", "web")).exitCode).toBe(0);
    await waitUntil("the container is gone", async () => (await node.succeed("ps", "-aq")) === "");
    expect((await node.cli("create", "--name", "web", "busybox", "true")).exitCode).toBe(0);
  });

  it("removes fifty containers at once", async () => {
    const before = await contents();
    const names = Array.from({ length: 50 }, (_, index) => `c${index}`);
    for (let start = 0; start < names.length; start += 10) {
      await Promise.all(names.slice(start, start + 10).map((name) => runDetached(name, "busybox", "sleep", "1000")));
    }

    expect((await node.succeed("rm", "-f", ...names)).split("\n").sort()).toEqual([...names].sort());

    expect(await contents()).toEqual(before);
  }, 120_000);
});

describe("top and wait", () => {
  it("shows docker's columns and the container's processes", async () => {
    await runDetached("web", "busybox", "sh", "-c", "sleep 1000; true");

    const [titles = "", ...rows] = (await node.succeed("top", "web")).split("\n");

    expect(titles.split(/\s+/).filter(Boolean)).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
    expect(rows.map((row) => row.split(/\s{2,}/).at(-1)).sort()).toEqual(["sh -c sleep 1000; true", "sleep 1000"]);
    expect(await node.succeed("top", "web", "-o", "pid,comm")).toMatch(/^PID +COMMAND\n/);
    expect((await node.cli("top", "web", "-o", "comm")).stderr).toContain("Couldn't find PID field in ps output");
  });

  it("waits for the end, and for one that has come already", async () => {
    await runDetached("web", "busybox", "sh", "-c", "while ! [ -e /go ]; do sleep 0.05; done; exit 9");
    const waiting = node.start({}, "wait", "web");
    await node.succeed("exec", "web", "touch", "/go");

    expect(await waiting.result).toEqual({ exitCode: 0, stdout: "9\n", stderr: "" });
    expect(await node.succeed("wait", "web")).toBe("9");
  });
});

describe("a container that another client made", () => {
  /** As `ctr run` would: no record of wharf's, no labels but its name. */
  async function makeForeign(): Promise<void> {
    const [image] = await node.client.images.list();
    const [parent = ""] = (await node.client.snapshots.list()).map(({ name }) => name);
    const rootfs = await node.client.snapshots.prepare("foreign", parent);
    const capabilities = { bounding: [], effective: [], permitted: [] };
    const spec = {
      ociVersion: "1.0.2",
      process: { args: ["sleep", "1000"], cwd: "/", env: ["PATH=/bin"], user: { uid: 0, gid: 0 }, capabilities },
      root: { path: "rootfs" },
      mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
      linux: { namespaces: [{ type: "mount" }, { type: "pid" }], cgroupsPath: `/${node.namespace}/foreign` },
    };
    const labels = { "nerdctl/name": "guest" };
    const snapshot = { snapshotter: "overlayfs", snapshotKey: "foreign" };
    const runtime = { name: "io.containerd.runc.v2" };
    await node.client.containers.create({
      id: "foreign",
      image: image?.name ?? "",
      runtime,
      spec,
      labels,
      ...snapshot,
    });
    const stdio = { stdin: "", stdout: "", stderr: "" };
    await node.client.tasks.create({ containerId: "foreign", rootfs, terminal: false, ...stdio });
    await node.client.tasks.start("foreign");
  }

  it("can be looked at, stopped and removed, and is not wharf's to start", async () => {
    await makeForeign();

    expect(await node.succeed("ps", "--format", "{{.Names}} {{.Command}} {{.State}}")).toBe(
      'guest "sleep 1000" running',
    );
    expect(await inspect("guest")).toMatchObject({ Id: "foreign", Path: "sleep", Args: ["1000"] });
    expect((await node.cli("attach", "guest")).stderr).toContain("was not made by wharf");
    expect(await node.succeed("stop", "-t", "0", "guest")).toBe("guest");
    expect(await stateOf("guest")).toMatchObject({ Status: "exited", ExitCode: 137 });
    expect((await node.cli("start", "guest")).stderr).toContain("container guest was not made by wharf");
    expect(await node.succeed("rm", "guest")).toBe("guest");
    expect(await contents()).toMatchObject({ containers: 0, tasks: 0 });
  });

  it("can be removed by force", async () => {
    await makeForeign();

    expect((await node.cli("rm", "guest")).stderr).toContain("container is running");
    expect(await node.succeed("rm", "-f", "guest")).toBe("guest");
    expect(await contents()).toMatchObject({ containers: 0, tasks: 0 });
  });
});
