import type { InferredFlags } from "@oclif/core/interfaces";
import { EngineError } from "../../errors.ts";
import { parseByteSize, parseByteSizeOrUnlimited } from "../../model/byte-size.ts";
import type { HostConfig, Ulimit } from "../../model/container-config.ts";
import { parseCpus } from "../../model/cpus.ts";
import { parseBytesPerSecond, parseOperationsPerSecond, parseWeightDevice } from "../../model/device-mapping.ts";
import { keyValueMap } from "../../model/key-values.ts";
import { parseSysctl } from "../../model/sysctl.ts";
import { parseUlimit } from "../../model/ulimit.ts";
import { Flags } from "../parameters.ts";

/** How much of the host a container may use. */
export const resourceFlags = {
  memory: Flags.of(parseByteSize)({ char: "m", helpValue: "bytes", summary: "Memory limit" }),
  "memory-reservation": Flags.of(parseByteSize)({ helpValue: "bytes", summary: "Memory soft limit" }),
  "memory-swap": Flags.of(parseByteSizeOrUnlimited)({
    helpValue: "bytes",
    summary: "Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
  }),
  "memory-swappiness": Flags.integer({
    helpValue: "int",
    summary: "Tune container memory swappiness (0 to 100) (default -1)",
  }),
  "kernel-memory": Flags.of(parseByteSize)({ helpValue: "bytes", summary: "Kernel memory limit" }),
  "oom-kill-disable": Flags.boolean({ summary: "Disable OOM Killer" }),
  "oom-score-adj": Flags.integer({ helpValue: "int", summary: "Tune host's OOM preferences (-1000 to 1000)" }),
  "shm-size": Flags.of(parseByteSize)({ helpValue: "bytes", summary: "Size of /dev/shm" }),

  cpus: Flags.of(parseCpus)({ helpValue: "decimal", summary: "Number of CPUs" }),
  "cpu-shares": Flags.integer({ char: "c", helpValue: "int", summary: "CPU shares (relative weight)" }),
  "cpu-period": Flags.integer({
    helpValue: "int",
    summary: "Limit CPU CFS (Completely Fair Scheduler) period",
  }),
  "cpu-quota": Flags.integer({ helpValue: "int", summary: "Limit CPU CFS (Completely Fair Scheduler) quota" }),
  "cpu-rt-period": Flags.integer({ helpValue: "int", summary: "Limit CPU real-time period in microseconds" }),
  "cpu-rt-runtime": Flags.integer({ helpValue: "int", summary: "Limit CPU real-time runtime in microseconds" }),
  "cpuset-cpus": Flags.string({ helpValue: "string", summary: "CPUs in which to allow execution (0-3, 0,1)" }),
  "cpuset-mems": Flags.string({ helpValue: "string", summary: "MEMs in which to allow execution (0-3, 0,1)" }),
  "cpu-count": Flags.integer({ helpValue: "int", summary: "CPU count (Windows only)" }),
  "cpu-percent": Flags.integer({ helpValue: "int", summary: "CPU percent (Windows only)" }),

  "pids-limit": Flags.integer({
    helpValue: "int",
    summary: "Tune container pids limit (set -1 for unlimited)",
  }),
  ulimit: Flags.of(parseUlimit)({ multiple: true, helpValue: "ulimit", summary: "Ulimit options" }),
  sysctl: Flags.of(parseSysctl)({ multiple: true, helpValue: "map", summary: "Sysctl options" }),
  "cgroup-parent": Flags.string({ helpValue: "string", summary: "Optional parent cgroup for the container" }),

  "blkio-weight": Flags.of(parseWeight)({
    helpValue: "uint16",
    summary: "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)",
  }),
  "blkio-weight-device": Flags.of(parseWeightDevice)({
    multiple: true,
    helpValue: "list",
    summary: "Block IO weight (relative device weight)",
  }),
  "device-read-bps": Flags.of(parseBytesPerSecond)({
    multiple: true,
    helpValue: "list",
    summary: "Limit read rate (bytes per second) from a device",
  }),
  "device-write-bps": Flags.of(parseBytesPerSecond)({
    multiple: true,
    helpValue: "list",
    summary: "Limit write rate (bytes per second) to a device",
  }),
  "device-read-iops": Flags.of(parseOperationsPerSecond)({
    multiple: true,
    helpValue: "list",
    summary: "Limit read rate (IO per second) from a device",
  }),
  "device-write-iops": Flags.of(parseOperationsPerSecond)({
    multiple: true,
    helpValue: "list",
    summary: "Limit write rate (IO per second) to a device",
  }),
  "io-maxbandwidth": Flags.of(parseByteSize)({
    helpValue: "bytes",
    summary: "Maximum IO bandwidth limit for the system drive (Windows only)",
  }),
  "io-maxiops": Flags.integer({
    helpValue: "uint",
    summary: "Maximum IOps limit for the system drive (Windows only)",
  }),
};

/** The limits, as the API has them. */
export function resourceBody(flags: InferredFlags<typeof resourceFlags>): Partial<HostConfig> {
  const swappiness = flags["memory-swappiness"] ?? -1;
  if (swappiness < -1 || swappiness > 100) {
    const range = "Valid memory swappiness range is 0-100";
    throw new EngineError("invalid-argument", `invalid value: ${swappiness}. ${range}`);
  }
  return {
    Memory: flags.memory ?? 0,
    MemoryReservation: flags["memory-reservation"] ?? 0,
    MemorySwap: flags["memory-swap"] ?? 0,
    MemorySwappiness: swappiness === -1 ? null : swappiness,
    OomKillDisable: flags["oom-kill-disable"],
    OomScoreAdj: flags["oom-score-adj"] ?? 0,
    ShmSize: flags["shm-size"] ?? 0,
    NanoCpus: flags.cpus ?? 0,
    CpuShares: flags["cpu-shares"] ?? 0,
    CpuPeriod: flags["cpu-period"] ?? 0,
    CpuQuota: flags["cpu-quota"] ?? 0,
    CpuRealtimePeriod: flags["cpu-rt-period"] ?? 0,
    CpuRealtimeRuntime: flags["cpu-rt-runtime"] ?? 0,
    CpusetCpus: flags["cpuset-cpus"] ?? "",
    CpusetMems: flags["cpuset-mems"] ?? "",
    PidsLimit: flags["pids-limit"] ?? null,
    Ulimits: lastOfEachName(flags.ulimit ?? []),
    CgroupParent: flags["cgroup-parent"] ?? "",
    BlkioWeight: flags["blkio-weight"] ?? 0,
    BlkioWeightDevice: flags["blkio-weight-device"] ?? [],
    BlkioDeviceReadBps: flags["device-read-bps"] ?? [],
    BlkioDeviceWriteBps: flags["device-write-bps"] ?? [],
    BlkioDeviceReadIOps: flags["device-read-iops"] ?? [],
    BlkioDeviceWriteIOps: flags["device-write-iops"] ?? [],
    ...(flags.sysctl && { Sysctls: keyValueMap(flags.sysctl) }),
  };
}

/** By name, as docker sends them. */
function lastOfEachName(ulimits: readonly Ulimit[]): Ulimit[] {
  const byName = new Map(ulimits.map((ulimit) => [ulimit.Name, ulimit]));
  return [...byName.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

const MAX_UINT16 = 65535;

function parseWeight(text: string): number {
  const complain = (reason: string): EngineError =>
    new EngineError("invalid-argument", `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${reason}`);
  if (!/^\d+$/.test(text)) throw complain("invalid syntax");
  if (Number(text) > MAX_UINT16) throw complain("value out of range");
  return Number(text);
}
