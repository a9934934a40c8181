import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LEASE_OWNER_LABEL } from "../../src/containerd/leases.ts";
import { SNAPSHOT_CONTAINER_LABEL } from "../../src/model/container-record.ts";
import type { DoctorEntry } from "../../src/model/doctor-report.ts";
import { supervisorLogPath } from "../../src/store/layout.ts";
import { currentProcessMark } from "../../src/store/process-mark.ts";
import { ExaminedHost } from "../support/examined-host.ts";
import { comparePictures, type HostPicture, looksAsBefore, takePicture } from "../support/host-picture.ts";
import { buildImage, randomLayer } from "../support/images.ts";
import { containerId } from "../support/network.ts";
import { runProgram } from "../support/program.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

let registry: TestRegistry;
let wharf: ExaminedHost;
let before: HostPicture;
/** Of this containerd: its own directory below each root. */
let roots: { readonly data: string; readonly run: string };

beforeAll(async () => {
  registry = await startRegistry();
  wharf = await ExaminedHost.start({ registry: registry.host });
  await run("run", "-d", "--name", "anchor", ...SLEEP);
  const { LogPath: logPath } = await wharf.inspect("anchor");
  const data = dirname(dirname(dirname(dirname(logPath))));
  roots = { data, run: data.replace("/data/", "/run/") };
  expect(await readdir(roots.run)).toContain("docker.sock");
  await untilSwept();
});

afterAll(async () => {
  await wharf.clear();
  await wharf[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

beforeEach(async () => {
  before = await takePicture(wharf.node);
});

const SLEEP = ["busybox", "sleep", "1000"];
/** Of a process that is gone, since it was one of another boot. */
const DEAD = "00000000-0000-0000-0000-000000000000/1/1/1";

async function run(...args: string[]): Promise<string> {
  return await wharf.node.succeed(...args);
}

/** Starts the supervisor anew and waits until it has swept, which it does once: what is planted later stays for the doctor. */
async function untilSwept(): Promise<void> {
  await wharf.killSupervisor();
  const canary = containerId();
  await mkdir(join(roots.run, "containers", wharf.node.namespace, canary), { recursive: true });
  await writeFile(join(roots.run, "containers", wharf.node.namespace, canary, "stdout"), "");
  await run("supervisor", "start");
  // What it took away it looks once more behind; it tells of it when it has ended.
  await waitUntil("the supervisor has swept", async () =>
    (await readFile(supervisorLogPath(wharf.settings), "utf8")).includes(canary.slice(0, 12)),
  );
}

function kindsOf(entries: readonly DoctorEntry[]): string[] {
  return entries.map(({ Kind }) => Kind).sort();
}

async function addressBeside(): Promise<string> {
  const gateway = (await wharf.inspect("anchor")).NetworkSettings.Gateway;
  return gateway.replace(/\d+$/, "200");
}

async function publish(destination: string, port: number): Promise<string> {
  const comment = ["-m", "comment", "--comment", "wharf-0123456789ab"];
  const rule = ["-p", "tcp", "-m", "tcp", "--dport", String(port), ...comment, "-j", "DNAT", "--to-destination"];
  await runProgram("iptables", ["-t", "nat", "-A", "WHARF-PUBLISH", ...rule, `${destination}:80`]);
  return `${destination}:80`;
}

describe("system doctor", () => {
  it("finds what was planted by hand, changes nothing, and mends it all with --repair (B2, B3, B11, B15)", async () => {
    const { client, namespace } = wharf.node;
    const gone = containerId();
    const place = async (directory: string, name: string) => {
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, name), "1234");
    };
    await place(join(roots.data, "containers", namespace, gone), "hosts");
    await place(join(roots.run, "containers", namespace, gone), "stdout");
    await runProgram("ip", ["netns", "add", `wharf-${gone.slice(0, 12)}`]);
    const shm = join(roots.run, "shm", namespace, gone);
    await mkdir(shm, { recursive: true });
    await runProgram("mount", ["-t", "tmpfs", "shm", shm]);
    const { Id: anchor } = await wharf.inspect("anchor");
    await place(join(roots.run, "containers", namespace, anchor, "exec", containerId()), "stdout");
    await publish(await addressBeside(), 18399);
    await client.snapshots.prepare(gone, "", { labels: { [SNAPSHOT_CONTAINER_LABEL]: gone } });
    await client.leases.create({ labels: { [LEASE_OWNER_LABEL]: DEAD } });
    const archive = join(wharf.directory, ".tmp-archive.tar");
    await writeFile(archive, Buffer.alloc(5_000));
    await place(join(roots.run, "unfinished"), "note");
    await writeFile(join(roots.run, "unfinished/note"), JSON.stringify({ path: archive, owner: DEAD }));
    const keeper = spawn("tail", ["-f", join(roots.run, "keeper.pid")], { detached: true, stdio: "ignore" });
    const kinds = ["exec", "fifo", "file", "files", "lease", "mount", "netns", "process", "rule", "snapshot"];
    // A collection would take the snapshot that nothing refers to.
    const planted = await takePicture(wharf.node, { collect: false });

    const found = await wharf.doctor();
    expect(kindsOf(found)).toEqual(kinds);
    expect(comparePictures(planted, await takePicture(wharf.node, { collect: false }))).toBe("");
    expect(found).toContainEqual(expect.objectContaining({ Kind: "file", Object: archive, Bytes: 5_000 }));
    const { stdout, exitCode } = await wharf.node.cli("system", "doctor");
    expect(exitCode).toBe(1);
    expect(stdout).toContain(
      `netns /run/netns/wharf-${gone.slice(0, 12)}: container ${gone.slice(0, 12)} is gone; remedy: remove it\n`,
    );
    expect(await run("system", "doctor", "--repair")).toContain("; done: remove it");

    await looksAsBefore(wharf.node, before);
    expect(await runProgram("ls", [archive], { mayFail: true })).toMatchObject({ exitCode: 2 });
    await waitUntil("the keeper has ended", () => keeper.signalCode === "SIGKILL");
    expect(await run("system", "doctor")).toBe("all is well");
  });

  it("sweeps most of it by itself when a supervisor starts (B2, B3)", async () => {
    const gone = containerId();
    await wharf.killSupervisor();
    const leases = join(roots.run, "ipam/bridge");
    const ipAddress = await addressOfNobody();
    const lease = { containerId: gone, ipAddress, hostInterface: `veth${gone.slice(0, 10)}0`, ports: [] };
    await writeFile(join(leases, ipAddress), JSON.stringify(lease));
    await runProgram("ip", ["netns", "add", `wharf-${gone.slice(0, 12)}`]);
    await publish(ipAddress, 18398);
    // Only a supervisor makes and removes volumes, so what is older than it is nobody's work.
    const volumes = join(roots.data, "volumes", wharf.node.namespace);
    for (const name of [".new-0123", ".removed-0123"]) await mkdir(join(volumes, name), { recursive: true });

    await run("supervisor", "start");

    await looksAsBefore(wharf.node, before);
    await waitUntil("no unfinished volume is left", async () => (await readdir(volumes)).length === 0, 60_000);
  });

  it("finds what a killed save and a killed pull left (B15)", async () => {
    const archive = join(wharf.directory, "busybox.tar");
    const save = await wharf.node.cliWith(
      { env: { WHARF_FAULT_POINT: "save.written" } },
      "save",
      "-o",
      archive,
      "busybox",
    );
    expect(save.exitCode).toBe(137);
    const reference = await registry.push("killed", await buildImage({ layers: [randomLayer(200_000)] }));
    const pull = await wharf.node.cliWith({ env: { WHARF_FAULT_POINT: "pull.blob-committed" } }, "pull", reference);
    expect(pull.exitCode).toBe(137);

    const found = await wharf.doctor();
    expect(kindsOf(found)).toEqual(["file", "lease"]);
    expect(found.every(({ Bytes }) => Bytes > 0)).toBe(true);
    expect(kindsOf(await wharf.repair())).toEqual(["file", "lease"]);

    await looksAsBefore(wharf.node, before);
    expect((await readdir(wharf.directory)).filter((name) => name.startsWith(".tmp-"))).toEqual([]);
  });

  it("reports a FORWARD policy of DROP without wharf's rules, and adds them (B20)", async () => {
    await runProgram("iptables", ["-P", "FORWARD", "DROP"]);
    try {
      expect(await wharf.doctor()).toEqual([]);
      await runProgram("iptables", ["-F", "WHARF-FORWARD"]);

      expect(await wharf.doctor()).toMatchObject([{ Kind: "firewall", Why: expect.stringContaining("is DROP") }]);
      expect(await wharf.repair()).toMatchObject([{ Kind: "firewall", Mended: true }]);
    } finally {
      await runProgram("iptables", ["-P", "FORWARD", "ACCEPT"]);
    }
    await looksAsBefore(wharf.node, before);
  });

  it("leaves alone what is not wharf's, or another wharf's", async () => {
    const { client } = wharf.node;
    const other = containerId();
    await runProgram("ip", ["netns", "add", `wharf-${other.slice(0, 12)}`]);
    await runProgram("ip", ["netns", "add", "cni-0123"]);
    await publish("192.0.2.7", 18397);
    const lease = await client.leases.create({ labels: { [LEASE_OWNER_LABEL]: "" } });
    await client.snapshots.prepare(other, "", { leaseId: lease.id });
    const nerdctl = {
      id: other,
      runtime: { name: "io.containerd.runc.v2" },
      spec: {},
      labels: { "nerdctl/name": "web" },
    };
    await client.containers.create({ ...nerdctl, snapshotter: "overlayfs", snapshotKey: other });
    const planted = await takePicture(wharf.node);

    expect(await wharf.doctor()).toEqual([]);
    expect(await wharf.repair()).toEqual([]);

    expect(comparePictures(planted, await takePicture(wharf.node))).toBe("");
    await client.containers.delete(other);
    await lease[Symbol.asyncDispose]();
    await runProgram("ip", ["netns", "delete", "cni-0123"]);
    await runProgram("ip", ["netns", "delete", `wharf-${other.slice(0, 12)}`]);
    await runProgram("iptables", ["-t", "nat", "-F", "WHARF-PUBLISH"]);
    await looksAsBefore(wharf.node, before);
  });

  it("leaves alone what somebody is at work on", async () => {
    const { client } = wharf.node;
    const lease = await client.leases.create({ labels: { [LEASE_OWNER_LABEL]: currentProcessMark() } });
    const future = containerId();
    await client.snapshots.prepare(future, "", { leaseId: lease.id, labels: { [SNAPSHOT_CONTAINER_LABEL]: future } });
    const working = Array.from({ length: 4 }, async (_, index) => {
      for (let round = 0; round < 3; round++) {
        await run(
          "run",
          "--rm",
          "-p",
          "80",
          "-v",
          "/data",
          "--ipc",
          "shareable",
          "--name",
          `w${index}`,
          "busybox",
          "true",
        );
      }
    });
    let isOver = false;
    const over = Promise.all(working).finally(() => {
      isOver = true;
    });

    while (!isOver) expect(await wharf.repair()).toEqual([]);

    await over;
    await lease[Symbol.asyncDispose]();
    await looksAsBefore(wharf.node, before);
  });

  it("has nothing to do after supervisor stop, which leaves no file of the run root", async () => {
    await run("rm", "-f", "anchor");
    await run("supervisor", "stop");
    const files = (await takePicture(wharf.node, { stock: true })).run;
    // The lock's file stays, so that two supervisors can never hold one of its name each.
    expect(files?.filter((path) => !path.endsWith("/supervisor.lock"))).toEqual([]);
    expect(await run("system", "doctor")).toBe("all is well");
    await run("run", "-d", "--name", "anchor", ...SLEEP);
  });
});

/** An address of the bridge that no container has. */
async function addressOfNobody(): Promise<string> {
  const [taken = ""] = await readdir(join(roots.run, "ipam/bridge"));
  return taken.replace(/\d+$/, "201");
}
