import { accessSync, constants, readdirSync, readFileSync, statSync } from "node:fs";
import { arch, cpus, hostname, release, totalmem } from "node:os";
import { delimiter, join } from "node:path";
import { ALL_CAPABILITIES } from "../spec/capabilities.ts";
import type { HostFacts } from "../spec/host-facts.ts";

/** Go's names of the architectures that differ from Node's. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  ppc64: "ppc64le",
  loong64: "loong64",
};

/** Static builds come first: the init runs in the container, which may lack a C library. */
const INIT_NAMES = ["docker-init", "tini-static", "catatonit"];
const INIT_DIRECTORIES = ["/usr/libexec/docker", "/usr/libexec/podman", "/usr/local/bin", "/usr/bin", "/bin", "/sbin"];

const CGROUP_ROOT = "/sys/fs/cgroup";
const DOCKER_APPARMOR_PROFILE = "docker-default";

/** Reads what a runtime spec depends on from /proc and /sys. Cheap, and constant while this process lives. */
export function readHostFacts(): HostFacts {
  const cgroupVersion = exists(join(CGROUP_ROOT, "cgroup.controllers")) ? 2 : 1;
  const apparmor = readText("/sys/module/apparmor/parameters/enabled").startsWith("Y");
  const profiles = apparmor ? readText("/sys/kernel/security/apparmor/profiles") : "";
  return {
    cgroupVersion,
    cgroupDriver: cgroupVersion === 2 && exists("/run/systemd/system") ? "systemd" : "cgroupfs",
    boundingCapabilities: boundingCapabilities(),
    apparmor,
    defaultApparmorProfile: profiles.includes(`${DOCKER_APPARMOR_PROFILE} (`) ? DOCKER_APPARMOR_PROFILE : undefined,
    selinux: exists("/sys/fs/selinux/enforce"),
    seccomp: exists("/proc/sys/kernel/seccomp/actions_avail"),
    kernelVersion: release(),
    architecture: ARCHITECTURES[arch()] ?? arch(),
    hostname: hostname(),
    cpuCount: cpus().length,
    memoryBytes: totalmem(),
    blockIoWeight: hasBlockIoWeight(cgroupVersion),
    swapLimit: cgroupVersion === 2 || exists(join(CGROUP_ROOT, "memory/memory.memsw.limit_in_bytes")),
    hardLimits: hardLimits(),
    initBinary: findInit(),
  };
}

function boundingCapabilities(): string[] {
  const hex = /^CapBnd:\s*([\da-f]+)$/m.exec(readText("/proc/self/status"))?.[1] ?? "0";
  const bits = BigInt(`0x${hex}`);
  return ALL_CAPABILITIES.filter((_, bit) => (bits >> BigInt(bit)) % 2n === 1n);
}

/** The root cgroup has no weight of its own; a hierarchy without children has none to be asked about either. */
function hasBlockIoWeight(cgroupVersion: 1 | 2): boolean {
  if (cgroupVersion === 1) {
    return ["blkio.weight", "blkio.bfq.weight"].some((name) => exists(join(CGROUP_ROOT, "blkio", name)));
  }
  const children = directories(CGROUP_ROOT).map((name) => join(CGROUP_ROOT, name));
  return children.some((child) => exists(join(child, "io.weight")) || exists(join(child, "io.bfq.weight")));
}

/** The lines of /proc/self/limits that `--ulimit` can be about, by its names. */
const LIMIT_LINES: Readonly<Record<string, string>> = {
  as: "Max address space",
  core: "Max core file size",
  cpu: "Max cpu time",
  data: "Max data size",
  fsize: "Max file size",
  locks: "Max file locks",
  memlock: "Max locked memory",
  msgqueue: "Max msgqueue size",
  nice: "Max nice priority",
  nofile: "Max open files",
  nproc: "Max processes",
  rss: "Max resident set",
  rtprio: "Max realtime priority",
  rttime: "Max realtime timeout",
  sigpending: "Max pending signals",
  stack: "Max stack size",
};

function hardLimits(): Record<string, number | undefined> {
  const lines = readText("/proc/self/limits").split("\n");
  const limits = Object.entries(LIMIT_LINES).map(([name, title]): [string, number | undefined] => {
    const [, hard] =
      lines
        .find((line) => line.startsWith(`${title} `))
        ?.slice(title.length)
        .trim()
        .split(/\s+/) ?? [];
    return [name, hard === undefined || hard === "unlimited" ? undefined : Number(hard)];
  });
  return Object.fromEntries(limits);
}

function findInit(): string | undefined {
  const path = (process.env.PATH ?? "").split(delimiter).filter((directory) => directory !== "");
  const places = [...path, ...INIT_DIRECTORIES];
  return INIT_NAMES.flatMap((name) => places.map((directory) => join(directory, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function directories(path: string): string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** `""` for a file that this kernel does not have, or this user may not read. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
