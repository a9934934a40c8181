import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { nodeOfFile } from "../support/file-node.ts";

const node = nodeOfFile();
const image = "busybox";

const inside = (flags: readonly string[], script: string) => node.inside(flags, script);

const unified = existsSync("/sys/fs/cgroup/cgroup.controllers");
const pidsMax = unified ? "/sys/fs/cgroup/pids.max" : "/sys/fs/cgroup/pids/pids.max";

/** What this host writes for a limit, by the version of its cgroups. */
type Limit = readonly [flags: string[], v1: readonly [file: string, value: string], v2: readonly [string, string]];

describe("limits of the cgroup", () => {
  it.each<Limit>([
    [
      ["-m", "64m"],
      ["memory/memory.limit_in_bytes", "67108864"],
      ["memory.max", "67108864"],
    ],
    [
      ["-m", "64m"],
      ["memory/memory.memsw.limit_in_bytes", "134217728"],
      ["memory.swap.max", "67108864"],
    ],
    [
      ["-m", "64m", "--memory-swap", "96m"],
      ["memory/memory.memsw.limit_in_bytes", "100663296"],
      ["memory.swap.max", "33554432"],
    ],
    [
      ["-m", "64m", "--memory-reservation", "32m"],
      ["memory/memory.soft_limit_in_bytes", "33554432"],
      ["memory.low", "33554432"],
    ],
    [
      ["--cpus", "0.5"],
      ["cpu/cpu.cfs_quota_us", "50000"],
      ["cpu.max", "50000 100000"],
    ],
    [
      ["--cpu-period", "50000", "--cpu-quota", "25000"],
      ["cpu/cpu.cfs_period_us", "50000"],
      ["cpu.max", "25000 50000"],
    ],
    [
      ["-c", "512"],
      ["cpu/cpu.shares", "512"],
      ["cpu.weight", "20"],
    ],
    [
      ["--cpuset-cpus", "0"],
      ["cpuset/cpuset.cpus", "0"],
      ["cpuset.cpus", "0"],
    ],
    [
      ["--pids-limit", "100"],
      ["pids/pids.max", "100"],
      ["pids.max", "100"],
    ],
    [
      ["--pids-limit", "-1"],
      ["pids/pids.max", "max"],
      ["pids.max", "max"],
    ],
  ])("%j", async (flags, v1, v2) => {
    const [file, value] = unified ? v2 : v1;
    expect(await inside(flags, `cat /sys/fs/cgroup/${file}`)).toBe(value);
  });

  it("hold: a container that takes more memory is killed", async () => {
    const fill = ["sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=60"];
    const flags = ["-m", "16m", "--memory-swap", "16m", "--shm-size", "64m"];
    expect((await node.cli("run", "--rm", "--network", "none", ...flags, image, ...fill)).exitCode).toBe(137);
  });

  it("hold: a container that makes more processes fails to", async () => {
    const { exitCode, stderr } = await node.cli(
      ...["run", "--rm", "--network", "none", "--pids-limit", "5", image],
      ...["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done"],
    );
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("can't fork");
  });

  it("lie below --cgroup-parent", async () => {
    const lines = await inside(["--cgroup-parent", "/wharf-parent", "--cgroupns", "host"], "cat /proc/self/cgroup");
    expect(lines).toMatch(/:\/wharf-parent\/[\da-f]{64}$/m);
  });

  it("can be seen, and not changed", async () => {
    expect(await inside([], `(echo 1 > ${pidsMax}) 2>&1 || true`)).toContain("Read-only file system");
  });
});

describe("limits of the process", () => {
  it.each<[flags: string[], script: string, expected: string]>([
    [["--ulimit", "nofile=100:200"], "ulimit -n; ulimit -Hn", "100\n200"],
    [["--ulimit", "core=0"], "ulimit -c", "0"],
    [["--ulimit", "nproc=50:60"], "awk '/Max processes/ { print $3, $4 }' /proc/self/limits", "50 60"],
    [["--oom-score-adj", "500"], "cat /proc/self/oom_score_adj", "500"],
  ])("%j", async (flags, script, expected) => {
    expect(await inside(flags, script)).toBe(expected);
  });

  it("are lowered, with a word, to what this machine can grant", async () => {
    const result = await node.cli(
      ...["run", "--rm", "--network", "none", "--ulimit", "nofile=-1", image],
      ...["sh", "-c", "ulimit -Hn"],
    );
    // Where root may raise limits the kernel's own bound decides, and the runtime says so.
    if (result.exitCode === 0)
      expect(result.stderr).toMatch(/^WARNING: ulimit nofile is more than this host may grant/);
    else expect(result.stderr).toContain("rlimit");
  });
});

describe("the kernel's parameters", () => {
  it("are the container's own", async () => {
    const flags = ["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.shmmax=12345"];
    expect(await inside(flags, "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax")).toBe("1\n12345");
  });

  it("let every user ping and use low ports", async () => {
    const script = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; cat /proc/sys/net/ipv4/ping_group_range";
    expect(await inside([], script)).toBe("0\n0\t2147483647");
  });
});

describe("memory that is a file system", () => {
  it.each<[flags: string[], path: string, options: RegExp]>([
    [[], "/dev/shm", /^shm \/dev\/shm tmpfs rw,nosuid,nodev,noexec.*size=65536k/m],
    [["--shm-size", "128m"], "/dev/shm", /size=131072k/],
    [["--tmpfs", "/x"], "/x", /^tmpfs \/x tmpfs rw,nosuid,nodev,noexec/m],
    [
      ["--tmpfs", "/x:size=1m,mode=700,exec,ro"],
      "/x",
      /^tmpfs \/x tmpfs ro,nosuid,nodev,relatime,size=1024k,mode=700/m,
    ],
    [["--mount", "type=tmpfs,dst=/x,tmpfs-size=2m,tmpfs-mode=1770"], "/x", /size=2048k,mode=1770/],
  ])("%j", async (flags, path, options) => {
    expect(await inside(flags, `grep ' ${path} ' /proc/mounts`)).toMatch(options);
  });
});
