import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeOfFile } from "../support/file-node.ts";

const node = nodeOfFile();
const image = "busybox";
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "run-flags-"));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

const inside = (flags: readonly string[], script: string) => node.inside(flags, script);

/** A field of /proc/self/status in the container. */
async function status(flags: readonly string[], field: string): Promise<string> {
  return (await inside(flags, `grep ^${field}: /proc/self/status`)).split(/\s+/)[1] ?? "";
}

/** A field of this process's own /proc/self/status. */
async function ownStatus(field: string): Promise<string> {
  return new RegExp(`^${field}:\\s+(\\S+)`, "m").exec(await readFile("/proc/self/status", "utf8"))?.[1] ?? "";
}

const DEFAULT = "00000000a80425fb";
const NET_ADMIN = 1n << 12n;
const CHOWN = 1n;

describe("capabilities", () => {
  it.each<[flags: string[], effective: string]>([
    [[], DEFAULT],
    [["--cap-drop", "ALL"], "0000000000000000"],
    [["--cap-drop", "all", "--cap-add", "chown"], "0000000000000001"],
    [["--cap-drop", "chown", "--cap-add", "CAP_NET_ADMIN"], hex((BigInt(`0x${DEFAULT}`) & ~CHOWN) | NET_ADMIN)],
  ])("%j", async (flags, effective) => {
    expect(await status(flags, "CapEff")).toBe(effective);
  });

  it("are all that this machine has with ALL and with --privileged", async () => {
    const own = await ownStatus("CapBnd");
    expect(await status(["--cap-add", "ALL"], "CapEff")).toBe(own);
    expect(await status(["--privileged"], "CapEff")).toBe(own);
  });

  it("are gone from a user who is not root, but not from reach", async () => {
    expect(await status(["-u", "nobody"], "CapEff")).toBe("0000000000000000");
    expect(await status(["-u", "nobody"], "CapBnd")).toBe(DEFAULT);
  });
});

describe("seccomp", () => {
  it("filters, unless it is told not to or the container is privileged", async () => {
    expect(await status([], "Seccomp")).toBe("2");
    expect(await status(["--security-opt", "seccomp=unconfined"], "Seccomp")).toBe("0");
    expect(await status(["--privileged"], "Seccomp")).toBe("0");
  });

  it("refuses what the profile does, and allows what a capability asks for", async () => {
    const script = "unshare -m true 2>&1 || true";
    expect(await inside([], script)).toContain("Operation not permitted");
    expect(await inside(["--cap-add", "SYS_ADMIN"], script)).toBe("");
  });

  it("takes a profile from a file", async () => {
    const profile = join(directory, "profile.json");
    const rules = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }];
    await writeFile(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: rules }));
    expect(await inside(["--security-opt", `seccomp=${profile}`], "mkdir /x 2>&1 || true")).toContain(
      "Function not implemented",
    );
  });

  it("names the profile that cannot be read", async () => {
    const run = (path: string) => node.cli("run", "--rm", "--security-opt", `seccomp=${path}`, image, "true");
    expect((await run("/nonexistent")).stderr).toBe(
      "wharf: opening seccomp profile (/nonexistent) failed: open /nonexistent: no such file or directory\n",
    );
    await writeFile(join(directory, "broken"), "{");
    expect((await run(join(directory, "broken"))).stderr).toContain("compacting json for seccomp profile");
  });
});

describe("privileges", () => {
  it("can be fixed for good", async () => {
    expect(await status([], "NoNewPrivs")).toBe("0");
    expect(await status(["--security-opt", "no-new-privileges"], "NoNewPrivs")).toBe("1");
    expect(await status(["--security-opt", "no-new-privileges:true"], "NoNewPrivs")).toBe("1");
    expect(await status(["--security-opt", "no-new-privileges=false"], "NoNewPrivs")).toBe("0");
  });

  it("keep the kernel's own files out of sight, unless the container is privileged", async () => {
    const script = "wc -c < /proc/timer_list; grep -c ' /proc/sys ' /proc/mounts; grep -c '/sys sysfs ro' /proc/mounts";
    expect(await inside([], `${script} || true`)).toBe("0\n1\n1");
    expect((await inside(["--privileged"], `${script} || true`)).split("\n").slice(1)).toEqual(["0", "0"]);
    expect(
      await inside(["--security-opt", "systempaths=unconfined"], "grep -c ' /proc/sys ' /proc/mounts || true"),
    ).toBe("0");
  });

  it("can leave the root file system unwritable", async () => {
    const script = "touch /x 2>&1; touch /etc/hosts 2>&1; touch /tmp/x && echo written";
    expect((await inside(["--read-only", "--tmpfs", "/tmp"], script)).split("\n")).toEqual([
      "touch: /x: Read-only file system",
      "touch: /etc/hosts: Read-only file system",
      "written",
    ]);
  });
});

describe("devices", () => {
  it("are the few harmless ones", async () => {
    const own = ["fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty"];
    const names = (await inside([], "ls /dev")).split("\n");
    // Where the kernel has /proc/kcore there is a link to it, which is masked.
    expect(names.filter((name) => name !== "core")).toEqual([...own, "urandom", "zero"]);
  });

  it("are added by name, under another name, and with less access", async () => {
    expect(await inside(["--device", "/dev/kmsg"], "stat -c '%t:%T' /dev/kmsg")).toBe("1:b");
    const copy = "head -c 3 /dev/nought | wc -c; (: > /dev/nought) 2>&1 || true";
    expect(await inside(["--device", "/dev/kmsg:/dev/nought:w"], copy)).toMatch(/Operation not permitted|^0/);
    expect(await inside(["--device", "/dev/zero:/dev/nought"], copy)).toBe("3");
  });

  it("come by the directory", async () => {
    expect(await inside(["--device", "/dev/cpu:/dev/processors"], "find /dev/processors -type c | wc -l")).toMatch(
      /^[1-9]/,
    );
  });

  it("are all of the host's for a privileged container", async () => {
    expect(
      await inside(["--privileged"], "test -c /dev/kmsg && echo there; test -e /dev/console && echo console || true"),
    ).toContain("there");
  });

  it("that do not exist are refused as a missing command is", async () => {
    const message =
      'error gathering device information while adding custom device "/dev/nonexistent": no such file or directory';
    const run = await node.cli("run", "--rm", "--device", "/dev/nonexistent", image, "true");
    expect(run).toMatchObject({ exitCode: 127, stderr: `wharf: ${message}\n` });

    await node.succeed("create", "--name", "deviceless", "--device", "/dev/nonexistent", image, "true");
    expect(await node.cli("start", "deviceless")).toMatchObject({ exitCode: 1 });
    const state = await node.succeed("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "deviceless");
    expect(state).toBe("created 127");
    await node.succeed("rm", "deviceless");
  });
});

describe("namespaces", () => {
  it("are the container's own", async () => {
    const links = await inside([], "for n in mnt net uts pid ipc; do readlink /proc/self/ns/$n; done");
    for (const link of links.split("\n")) expect(await ownNamespaces()).not.toContain(link);
  });

  it.each([
    ["--network", "net"],
    ["--uts", "uts"],
    ["--pid", "pid"],
    ["--ipc", "ipc"],
    ["--cgroupns", "cgroup"],
  ])("can be the host's: %s host", async (flag, name) => {
    const args = flag === "--network" ? [] : ["--network", "none"];
    const link = await node.succeed("run", "--rm", ...args, flag, "host", image, "readlink", `/proc/self/ns/${name}`);
    expect(await ownNamespaces()).toContain(link);
  });

  it("--cgroupns private shows the container its own root", async () => {
    expect(await inside(["--cgroupns", "private"], "cut -d: -f3 /proc/self/cgroup | sort -u")).toBe("/");
  });

  it("take the host's name along with its network or UTS namespace", async () => {
    expect(await node.succeed("run", "--rm", "--network", "host", image, "hostname")).toBe(hostname());
    expect(await inside(["--uts", "host"], "hostname")).toBe(hostname());
  });

  it("can be another container's, with its network, its processes and its memory", async () => {
    const lender = ["--name", "other", "--ipc", "shareable", "--network", "none", "--hostname", "theirs"];
    await node.succeed("run", "-d", ...lender, image, "sleep", "1000");
    await node.succeed("exec", "other", "sh", "-c", "echo shared > /dev/shm/file");
    const run = (...args: string[]) => node.succeed("run", "--rm", ...args);
    const theirs = await node.succeed("exec", "other", "readlink", "/proc/self/ns/net");
    expect(await run("--network", "container:other", image, "readlink", "/proc/self/ns/net")).toBe(theirs);
    expect(await run("--network", "container:other", image, "hostname")).toBe("theirs");
    expect(await run("--network", "none", "--pid", "container:other", image, "sh", "-c", "cat /proc/1/comm")).toBe(
      "sleep",
    );
    expect(await run("--network", "none", "--ipc", "container:other", image, "cat", "/dev/shm/file")).toBe("shared");
    await node.succeed("run", "-d", "--name", "private", "--network", "none", image, "sleep", "1000");
    const refused = await node.cli("run", "--rm", "--ipc", "container:private", image, "true");
    expect(refused.stderr).toContain("cannot join IPC of container private: non-shareable IPC");
    await node.succeed("rm", "-f", "private");
    await node.succeed("stop", "-t", "0", "other");
    const stopped = await node.cli("run", "--rm", "--pid", "container:other", image, "true");
    expect(stopped).toMatchObject({ exitCode: 125, stdout: "" });
    expect(stopped.stderr).toContain("cannot join PID namespace of a non running container");
    await node.succeed("rm", "other");
  });
});

async function ownNamespaces(): Promise<string[]> {
  const { readlink } = await import("node:fs/promises");
  const names = ["mnt", "net", "uts", "pid", "ipc", "cgroup"].filter((name) => existsSync(`/proc/self/ns/${name}`));
  return await Promise.all(names.map((name) => readlink(`/proc/self/ns/${name}`)));
}

function hex(mask: bigint): string {
  return mask.toString(16).padStart(16, "0");
}
