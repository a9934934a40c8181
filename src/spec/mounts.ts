import type { ResolvedMount } from "../model/container-record.ts";
import { pathDepth } from "../model/path.ts";
import { mergeTmpfsOptions } from "../model/tmpfs-options.ts";
import { type HostFacts, kernelAtLeast } from "./host-facts.ts";
import type { SpecMount } from "./runtime-spec.ts";
import { parseSecurityOptions } from "./security-options.ts";
import type { SpecInput } from "./spec-input.ts";

const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;
/** Recursive read-only mounts came with mount_setattr(2). */
const RECURSIVE_READONLY_KERNEL = "5.12";
const INIT_PATH = "/sbin/docker-init";

/** All mounts of a container in the order in which the runtime makes them: shallow destinations first. */
export function buildMounts(input: SpecInput): readonly SpecMount[] {
  const { record, host } = input;
  const own = new Set(record.mounts.map((mount) => mount.destination));
  const defaults = defaultMounts(input).filter(({ destination }) => !isOverridden(destination, own));
  const asked = [
    ...record.mounts.map((mount) => userMount(mount, host)),
    ...etcMounts(input).filter(({ destination }) => !own.has(destination)),
  ];
  // Array.sort is stable: mounts of one depth stay as they were written.
  asked.sort((a, b) => pathDepth(a.destination) - pathDepth(b.destination));
  return [...defaults, ...initMount(input), ...asked];
}

/** True where the container brings its own; who mounts all of /dev has its parts with it. */
function isOverridden(destination: string, own: ReadonlySet<string>): boolean {
  return own.has(destination) || (own.has("/dev") && destination.startsWith("/dev/"));
}

function defaultMounts(input: SpecInput): SpecMount[] {
  const { Privileged, SecurityOpt } = input.record.hostConfig;
  const writableCgroups = Privileged || parseSecurityOptions(SecurityOpt ?? []).writableCgroups;
  const hidden = ["nosuid", "noexec", "nodev"];
  return [
    { destination: "/proc", type: "proc", source: "proc", options: hidden },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: Privileged ? hidden : [...hidden, "ro"] },
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: writableCgroups ? hidden : ["ro", ...hidden],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: hidden },
    ...shmMounts(input),
  ];
}

function shmMounts({ record, sharedShm }: SpecInput): SpecMount[] {
  const { IpcMode, ShmSize } = record.hostConfig;
  if (IpcMode === "none") return [];
  if (sharedShm !== undefined) return [bindMount(sharedShm, "/dev/shm", ["rbind", "rprivate"])];
  const size = `size=${ShmSize || DEFAULT_SHM_BYTES}`;
  return [
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", size],
    },
  ];
}

function etcMounts({ record, etcFiles, host }: SpecInput): SpecMount[] {
  const readOnly = record.hostConfig.ReadonlyRootfs ? [readOnlyOption(host)] : [];
  const files: readonly [string, string | undefined][] = [
    ["/etc/resolv.conf", etcFiles.resolvConf],
    ["/etc/hostname", etcFiles.hostname],
    ["/etc/hosts", etcFiles.hosts],
  ];
  return files.flatMap(([destination, source]) =>
    source === undefined ? [] : [bindMount(source, destination, ["rbind", ...readOnly, "rprivate"])],
  );
}

function userMount(mount: ResolvedMount, host: HostFacts): SpecMount {
  if (mount.type === "tmpfs") {
    const defaults = ["noexec", "nosuid", "nodev", "rprivate"];
    const readOnly = mount.readOnly ? ["ro"] : [];
    const options = mergeTmpfsOptions([...defaults, ...readOnly, ...mount.options]);
    return { destination: mount.destination, type: "tmpfs", source: "tmpfs", options };
  }
  const binding = mount.options.includes("bind") ? "bind" : "rbind";
  const readOnly = mount.options.includes("ro") ? "ro" : readOnlyOption(host);
  return bindMount(mount.source, mount.destination, [
    binding,
    ...(mount.readOnly ? [readOnly] : []),
    ...(mount.propagation === "" ? [] : [mount.propagation]),
  ]);
}

/** Read-only with everything mounted below, where the kernel can. */
function readOnlyOption(host: HostFacts): string {
  return kernelAtLeast(host, RECURSIVE_READONLY_KERNEL) ? "rro" : "ro";
}

function bindMount(source: string, destination: string, options: readonly string[]): SpecMount {
  return { destination, type: "bind", source, options };
}

function initMount(input: SpecInput): SpecMount[] {
  const { host } = input;
  if (!runsInit(input.record.hostConfig) || host.initBinary === undefined) return [];
  return [bindMount(host.initBinary, INIT_PATH, ["bind", "ro"])];
}

/** True when an init is to be the container's first process; in the host's or another's PID namespace there is one. */
export function runsInit({ Init, PidMode }: SpecInput["record"]["hostConfig"]): boolean {
  return Init === true && PidMode === "";
}

/** The container's words behind an init, if it wants one. */
export function withInit(argv: readonly string[], hostConfig: SpecInput["record"]["hostConfig"]): readonly string[] {
  return runsInit(hostConfig) ? [INIT_PATH, "--", ...argv] : argv;
}

/** How mounts propagate out of the root file system: as far as the most generous of the bind mounts needs. */
export function rootfsPropagation(mounts: readonly ResolvedMount[]): string | undefined {
  const propagations = new Set(mounts.map((mount) => mount.propagation));
  if (propagations.has("shared") || propagations.has("rshared")) return "shared";
  return propagations.has("slave") || propagations.has("rslave") ? "rslave" : undefined;
}
