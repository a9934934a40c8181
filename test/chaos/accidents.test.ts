import { dirname } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { exists } from "../../src/cni/netns.ts";
import { type ContainerState, STATE_EXTENSION } from "../../src/model/container-record.ts";
import { ExaminedHost } from "../support/examined-host.ts";
import { type HostPicture, looksAsBefore, takePicture } from "../support/host-picture.ts";
import { mountsBelow, processesBelow, unmountBelow } from "../support/leftovers.ts";
import { runProgram } from "../support/program.ts";
import { waitUntil } from "../support/wait-until.ts";
import { type Killed, Report } from "./report.ts";

let wharf: ExaminedHost;
let before: HostPicture;
const report = new Report();

beforeAll(async () => {
  wharf = await ExaminedHost.start();
  // It keeps the bridge up, so that the host looks the same between the tests.
  await run("run", "-d", "--name", "anchor", "-p", "18300:80", ...SLEEP);
});

afterAll(async () => {
  report.print("accidents");
  await wharf.clear();
  await wharf[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await untilNoLeaseLingers();
  before = await takePicture(wharf.node);
});

afterEach(async ({ task }) => {
  await wharf.node.cli("rm", "-f", "-v", "web");
  await looksAsBefore(wharf.node, before);
  expect(await wharf.doctor()).toEqual([]);
  const during = task.suite?.name ?? "";
  const checked = "what the name of the test says; the host is as before; the doctor finds nothing";
  if (!task.result?.errors) report.add({ killed: VICTIMS[during] ?? "container", during, at: task.name, checked });
});

/** Who falls victim to what the parts of this file are about. */
const VICTIMS: Readonly<Record<string, Killed>> = {
  "a supervisor that is killed": "supervisor",
  "a reboot of the host": "host",
};

const SLEEP = ["busybox", "sleep", "1000"];
const WEB = ["--name", "web", "-p", "18301:80", "--ipc", "shareable", ...SLEEP];

async function run(...args: string[]): Promise<string> {
  return await wharf.node.succeed(...args);
}

/** Mends what there is to mend; nothing may be left that cannot be. */
async function repair(): Promise<string[]> {
  const entries = await wharf.repair();
  expect(entries.filter(({ Mended }) => !Mended)).toEqual([]);
  expect(await wharf.doctor()).toEqual([]);
  return entries.map(({ Kind }) => Kind);
}

/** The lease of a creation is given back behind the command. */
async function untilNoLeaseLingers(): Promise<void> {
  await waitUntil("no lease lingers", async () => (await wharf.node.client.leases.list()).length === 0);
}

async function taskIsGone(id: string): Promise<void> {
  await waitUntil("the task is gone", async () => {
    return (await wharf.node.client.tasks.list()).every(({ containerId }) => containerId !== id);
  });
}

describe("a supervisor that is killed", () => {
  it.each([
    "create.snapshot-prepared",
    "create.recorded",
    "start.fifos-made",
    "start.shm-mounted",
    "network.address-leased",
    "network.rules-added",
    "start.process-started",
  ])(
    "during run, at %s, leaves nothing that repair and rm do not find, and the name free (B2, B3, B6, B11)",
    async (point) => {
      await wharf.armSupervisor(point);
      await wharf.node.cli("run", "-d", ...WEB);
      await wharf.supervisorDied();

      await repair();

      await wharf.node.cli("rm", "-f", "web");
      await run("run", "-d", ...WEB);
    },
  );

  it.each([
    "settle.exit-written",
    "network.rules-removed",
    "network.cable-cut",
    "rm.files-removed",
    "rm.record-deleted",
  ])("during rm -f, at %s, leaves nothing that repair and rm do not find (B2, B3, B11, B13)", async (point) => {
    await run("run", "-d", ...WEB);
    await wharf.armSupervisor(point);
    await wharf.node.cli("rm", "-f", "web");
    await wharf.supervisorDied();

    await repair();
  });

  it("between writing an exit down and acting on it, has its successor give back what the container had (B2, B3)", async () => {
    await run("create", ...WEB);
    const created = await takePicture(wharf.node);
    await run("start", "web");
    await wharf.armSupervisor("settle.exit-written");
    await wharf.node.cli("stop", "-t", "0", "web");
    await wharf.supervisorDied();

    await run("supervisor", "start");

    // The lease of the creation lingers for a moment.
    await looksAsBefore(wharf.node, created, { except: ["data", "leases"] });
  });

  it("together with its containers is succeeded by one that clears up by itself (B3, B11)", async () => {
    await run("run", "-d", "--rm", ...WEB);
    const { State: state } = await wharf.inspect("web");
    await wharf.killSupervisor();
    process.kill(state.Pid, "SIGKILL");

    await run("supervisor", "start");

    await looksAsBefore(wharf.node, before);
  });

  it("while it execs leaves no FIFOs", async () => {
    await run("run", "-d", ...WEB);
    await untilNoLeaseLingers();
    await wharf.armSupervisor("exec.fifos-made");
    await wharf.node.cli("exec", "web", "true");
    await wharf.supervisorDied();

    expect(await repair()).toEqual([]);
    const fifos = (await takePicture(wharf.node)).run?.filter((path) => path.includes("/exec/") && path.endsWith("|"));
    expect(fifos).toEqual([]);
  });
});

describe("behind wharf's back", () => {
  it("a shim is killed: the container has ended, and starts again (B2, B3)", async () => {
    const id = await run("run", "-d", ...WEB);
    const shims = (await processesBelow(wharf.containerd.directory)).filter(({ commandLine }) =>
      commandLine.includes(id),
    );
    expect(shims).toHaveLength(1);
    for (const { pid } of shims) process.kill(pid, "SIGKILL");
    await taskIsGone(id);

    await repair();

    expect((await wharf.inspect("web")).State.Running).toBe(false);
    await run("start", "web");
    expect((await wharf.inspect("web")).State.Running).toBe(true);
  });

  it("ctr deletes a task: its run is over, and nothing of it left (B3, B13)", async () => {
    const id = await run("run", "-d", ...WEB);
    // The supervisor, which sees the process end, may be the faster one to delete it.
    await wharf.ctr("tasks", "rm", "-f", id).catch(() => undefined);
    await taskIsGone(id);

    await repair();

    await waitUntil("the exit is noticed", async () => !(await wharf.inspect("web")).State.Running);
    expect(await exists(`/run/netns/wharf-${id.slice(0, 12)}`)).toBe(false);
  });

  it("ctr deletes a container that has ended: all that it had goes (B6, B13)", async () => {
    const id = await run("run", "-d", ...WEB);
    await run("stop", "-t", "0", "web");
    await taskIsGone(id);
    await wharf.ctr("containers", "rm", id);

    await repair();

    await looksAsBefore(wharf.node, before);
    await run("run", "-d", ...WEB);
  });

  it("ctr deletes a container while no supervisor runs: the next one clears up (B6, B13)", async () => {
    const id = await run("run", "-d", ...WEB);
    await wharf.killSupervisor();
    await wharf.ctr("tasks", "rm", "-f", id);
    await wharf.ctr("containers", "rm", id);

    await run("supervisor", "start");

    await looksAsBefore(wharf.node, before);
  });

  it("the record of a container goes while its process runs: the process is found and ended (B13)", async () => {
    const id = await run("run", "-d", ...WEB);
    await wharf.node.client.containers.delete(id);

    expect(await wharf.doctor()).toMatchObject([{ Kind: "task", Object: id, Why: expect.stringMatching(/runs on/) }]);
    expect(await repair()).toContain("task");
  });

  it("ctr starts a task: it is found and supervised", async () => {
    await run("create", "--name", "web", "--network", "none", ...SLEEP);
    const { Id: id } = await wharf.inspect("web");
    await wharf.ctr("tasks", "start", "-d", id);

    expect(await wharf.doctor()).toMatchObject([
      { Kind: "task", Object: id, Why: expect.stringMatching(/supervises/) },
    ]);
    expect(await repair()).toEqual(["task"]);
    await run("kill", "web");
  });

  it("ctr deletes a container's snapshot: it is told, and the container can be removed (B13)", async () => {
    const id = await run("run", "--name", "web", "--network", "none", "busybox", "true").then(() =>
      wharf.inspect("web"),
    );
    await wharf.ctr("snapshots", "rm", id.Id);

    const found = { Kind: "container", Object: "web", Remedy: "run wharf rm -f web" };
    expect(await wharf.doctor()).toMatchObject([found]);
    expect(await wharf.repair()).toMatchObject([{ ...found, Mended: false }]);
    await run("rm", "web");
  });

  it.each([
    ["its files", async () => runProgram("rm", ["-r", dirname((await wharf.inspect("web")).LogPath)])],
    ["its network namespace", async (id: string) => runProgram("ip", ["netns", "delete", `wharf-${id.slice(0, 12)}`])],
    ["its cable", async (id: string) => runProgram("ip", ["link", "delete", `veth${id.slice(0, 10)}0`])],
    ["its rules", async () => runProgram("iptables", ["-t", "nat", "-F", "WHARF-PUBLISH"])],
  ] as const)("%s go by hand: rm -f removes the rest (B13)", async (_what, remove) => {
    const id = await run("run", "-d", ...WEB);
    await remove(id);
    await run("rm", "-f", "web");
    // The anchor's rules are among those that went.
    await repair();
  });
});

describe("the kernel", () => {
  it("kills a container for want of memory: nothing of its run is left (B3)", async () => {
    const limits = ["-p", "18301:80", "-m", "16m", "--memory-swap", "16m"];
    const { exitCode } = await wharf.node.cli("run", "--rm", ...limits, "busybox", "tail", "/dev/zero");
    expect(exitCode).toBe(137);
  });
});

describe("a reboot of the host", () => {
  it("takes tasks, mounts, devices, rules and the run root; the next supervisor gives the rest back (B2)", async () => {
    await run("rm", "-f", "anchor");
    await run("supervisor", "stop");
    const off = await takePicture(wharf.node);
    const id = await run("run", "-d", "--restart", "always", ...WEB);
    await untilNoLeaseLingers();
    await pretendReboot(id);

    await run("supervisor", "start");

    await waitUntil("it runs again", async () => (await wharf.inspect("web")).State.Running);
    expect(await repair()).toEqual([]);
    expect(await run("port", "web")).toBe("80/tcp -> 0.0.0.0:18301");
    await run("rm", "-f", "web");
    await run("supervisor", "stop");
    await looksAsBefore(wharf.node, off);
    await run("run", "-d", "--name", "anchor", "-p", "18300:80", ...SLEEP);
    before = await takePicture(wharf.node);
  });
});

async function pretendReboot(id: string): Promise<void> {
  const { client, host } = wharf.node;
  await wharf.killSupervisor();
  await client.tasks.kill(id, { signal: 9 });
  await waitUntil("the task is deleted", async () => {
    await client.tasks.delete(id).catch(() => undefined);
    return (await client.tasks.list()).length === 0;
  });
  for (const { pid } of await processesBelow(host.runRoot)) process.kill(pid, "SIGKILL");
  await runProgram("ip", ["netns", "delete", `wharf-${id.slice(0, 12)}`]);
  const links = (await runProgram("ip", ["-oneline", "link", "show", "type", "bridge"])).stdout;
  for (const [, bridge] of links.matchAll(/^\d+: (wharf\d+):/gm))
    await runProgram("ip", ["link", "delete", bridge ?? ""]);
  await forgetRules();
  await unmountBelow(host.runRoot);
  expect(await mountsBelow(host.runRoot)).toEqual([]);
  await runProgram("rm", ["-r", host.runRoot]);
  const state = (await client.containers.get(id)).extension(STATE_EXTENSION) as ContainerState;
  const extensions = { [STATE_EXTENSION]: { ...state, bootId: "another boot" } };
  await client.containers.update({ id, extensions }, [`extensions.${STATE_EXTENSION}`]);
}

/** The firewall of a host that has just come up knows nothing of wharf. */
async function forgetRules(): Promise<void> {
  const { stdout } = await runProgram("iptables-save", []);
  const kept = stdout.split("\n").filter((line) => !line.includes("WHARF-"));
  await runProgram("iptables-restore", [], { stdin: kept.join("\n") });
}
