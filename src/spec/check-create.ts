import { EngineError } from "../errors.ts";
import { parseByteSize } from "../model/byte-size.ts";
import type { ContainerConfig, CreateBody, HostConfig } from "../model/container-config.ts";
import { parseCpuSet } from "../model/cpu-set.ts";
import { planMounts } from "../model/mount-plan.ts";
import { isAbsolutePath } from "../model/path.ts";
import { parsePortKey } from "../model/port-spec.ts";
import { checkRestartPolicy } from "../model/restart-policy.ts";
import { parseSignal } from "../model/signal.ts";
import { containerCapabilities } from "./capabilities.ts";
import type { HostFacts } from "./host-facts.ts";
import { exceedsHost } from "./rlimits.ts";
import { parseSeccomp } from "./seccomp.ts";
import { parseSecurityOptions } from "./security-options.ts";

/**
 * Checks a container's configuration, the image's laid under it already, against the rules of docker's daemon and this
 * host, before anything is made of it.
 *
 * @returns Warnings: what was asked and this host cannot do, in docker's words where it has some.
 * @throws EngineError `invalid-argument`.
 */
export function checkCreateBody(body: CreateBody, host: HostFacts): string[] {
  const { HostConfig: hostConfig } = body;
  checkProcess(body);
  checkHealth(body.Healthcheck);
  checkModes(hostConfig);
  checkPorts(body);
  checkRestartPolicy(hostConfig.RestartPolicy);
  checkSecurity(hostConfig, host);
  checkLogging(hostConfig.LogConfig);
  planMounts({ config: body, hostConfig });
  checkMemory(hostConfig);
  checkCpu(hostConfig, host);
  return [...memoryWarnings(hostConfig, host), ...limitWarnings(hostConfig, host), ...networkWarnings(hostConfig)];
}

function checkProcess({ WorkingDir, StopSignal, HostConfig }: CreateBody): void {
  if (WorkingDir !== "" && !isAbsolutePath(WorkingDir)) {
    throw invalid(`the working directory '${WorkingDir}' is invalid, it needs to be an absolute path`);
  }
  if (StopSignal) parseSignal(StopSignal);
  if (Object.hasOwn(HostConfig.Annotations ?? {}, "")) {
    throw invalid("invalid Annotations: the empty string is not permitted as an annotation key");
  }
}

const MILLISECOND_NS = 1e6;

function checkHealth(health: ContainerConfig["Healthcheck"]): void {
  const intervals: readonly [name: string, nanoseconds: number | undefined][] = [
    ["Interval", health?.Interval],
    ["Timeout", health?.Timeout],
    ["StartPeriod", health?.StartPeriod],
    ["StartInterval", health?.StartInterval],
  ];
  const short = intervals.find(([, nanoseconds = 0]) => nanoseconds !== 0 && nanoseconds < MILLISECOND_NS);
  if (short !== undefined) throw invalid(`${short[0]} in Healthcheck cannot be less than 1ms`);
  if ((health?.Retries ?? 0) < 0) throw invalid("Retries in Healthcheck cannot be negative");
}

function checkModes({ IpcMode, PidMode, UTSMode, CgroupnsMode, UsernsMode, NetworkMode, Isolation }: HostConfig): void {
  if (!["", "none", "private", "host", "shareable"].includes(IpcMode) && !/^container:./.test(IpcMode)) {
    throw invalid(`invalid IPC mode: ${IpcMode}`);
  }
  if (!["", "host"].includes(PidMode) && !/^container:./.test(PidMode)) throw invalid(`invalid PID mode: ${PidMode}`);
  if (!["", "host"].includes(UTSMode)) throw invalid(`invalid UTS mode: ${UTSMode}`);
  if (!["", "host", "private"].includes(CgroupnsMode)) throw invalid(`invalid cgroup namespace mode: ${CgroupnsMode}`);
  if (!["", "host"].includes(UsernsMode)) throw invalid(`invalid user namespace mode: ${UsernsMode}`);
  if (NetworkMode === "container:") {
    throw invalid("invalid network mode: invalid container format container:<name|id>");
  }
  if (!["", "default"].includes(Isolation)) {
    throw invalid(`invalid isolation (${Isolation}): linux only supports 'default'`);
  }
}

function checkPorts({ Hostname, ExposedPorts, HostConfig }: CreateBody): void {
  const { NetworkMode, PortBindings, PublishAllPorts, Dns, ExtraHosts } = HostConfig;
  for (const key of [...Object.keys(ExposedPorts ?? {}), ...Object.keys(PortBindings)]) parsePortKey(key);
  if (!NetworkMode.startsWith("container:")) return;
  const conflict = [
    Hostname !== "" && "hostname and the network mode",
    (Object.keys(PortBindings).length > 0 || PublishAllPorts) && "port publishing and the container type network mode",
    Dns.length > 0 && "dns and the network mode",
    (ExtraHosts ?? []).length > 0 && "custom host-to-IP mapping and the network mode",
  ].find((reason) => reason !== false);
  if (conflict !== undefined) throw invalid(`conflicting options: ${conflict}`);
}

function checkSecurity(hostConfig: HostConfig, host: HostFacts): void {
  const options = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const request = {
    privileged: hostConfig.Privileged,
    add: hostConfig.CapAdd ?? [],
    drop: hostConfig.CapDrop ?? [],
  };
  const capabilities = containerCapabilities(request, host.boundingCapabilities);
  if (!["", "builtin", "unconfined"].includes(options.seccomp)) parseSeccomp(options.seccomp, { host, capabilities });
  const cdi = (hostConfig.DeviceRequests ?? []).find(({ Driver }) => Driver === "cdi");
  if (cdi !== undefined) {
    const devices = Array.isArray(cdi.DeviceIDs) ? cdi.DeviceIDs.join(", ") : "";
    throw invalid(`CDI device injection failed: unresolvable CDI devices ${devices}`);
  }
  if (hostConfig.Init && host.initBinary === undefined) {
    throw new EngineError("failed-precondition", "--init: this host has no docker-init or tini-static", {
      hint: "the package tini has it",
    });
  }
}

const LOG_OPTIONS = ["max-size", "max-file", "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode"];

function checkLogging({ Type, Config }: HostConfig["LogConfig"]): void {
  if (!["", "json-file", "none"].includes(Type)) {
    throw invalid(`error looking up logging plugin ${Type}: plugin "${Type}" not found`);
  }
  const unknown = Object.keys(Config).find((name) => !LOG_OPTIONS.includes(name));
  if (unknown !== undefined) throw invalid(`unknown log opt '${unknown}' for json-file log driver`);
  if (Config["max-size"] !== undefined && Config["max-size"] !== "-1") parseByteSize(Config["max-size"]);
  const maxFile = Config["max-file"];
  if (maxFile !== undefined && !/^[+-]?\d+$/.test(maxFile)) {
    throw invalid(`strconv.Atoi: parsing ${JSON.stringify(maxFile)}: invalid syntax`);
  }
  if (maxFile !== undefined && Number(maxFile) < 1) throw invalid("max-file cannot be less than 1");
}

const MEBIBYTE = 1024 * 1024;
const MINIMUM_MEMORY = 6 * MEBIBYTE;

function checkMemory({ Memory, MemoryReservation, MemorySwap, OomScoreAdj, ShmSize }: HostConfig): void {
  if (Memory !== 0 && Memory < MINIMUM_MEMORY) throw invalid("minimum memory limit allowed is 6MB");
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory) {
    throw invalid("minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (Memory === 0 && MemorySwap > 0) {
    throw invalid("you should always set the memory limit when using memoryswap limit, see usage");
  }
  if (MemoryReservation > 0 && MemoryReservation < MINIMUM_MEMORY) {
    throw invalid("minimum memory reservation allowed is 6MB");
  }
  if (Memory > 0 && MemoryReservation > Memory) {
    throw invalid("minimum memory limit can not be less than memory reservation limit, see usage");
  }
  if (OomScoreAdj < -1000 || OomScoreAdj > 1000) {
    throw invalid(`invalid value ${OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  if (ShmSize < 0) throw invalid("SHM size can not be less than 0");
}

const NANO_CPUS = 1e9;
const MINIMUM_CPU_TIME = 1000;
const MAXIMUM_CPU_PERIOD = 1_000_000;

function checkCpu(
  { NanoCpus, CpuPeriod, CpuQuota, CpuShares, CpusetCpus, CpusetMems }: HostConfig,
  host: HostFacts,
): void {
  if (NanoCpus !== 0 && (CpuPeriod !== 0 || CpuQuota !== 0)) {
    const other = CpuPeriod !== 0 ? "CPU Period" : "CPU Quota";
    throw invalid(`conflicting options: Nano CPUs and ${other} cannot both be set`);
  }
  if (NanoCpus < 0 || NanoCpus > host.cpuCount * NANO_CPUS) {
    const range = `from 0.01 to ${host.cpuCount}.00, as there are only ${host.cpuCount} CPUs available`;
    throw invalid(`range of CPUs is ${range}`);
  }
  if (CpuShares < 0) throw invalid(`invalid CPU shares (${CpuShares}): value must be a positive integer`);
  if (CpuPeriod !== 0 && (CpuPeriod < MINIMUM_CPU_TIME || CpuPeriod > MAXIMUM_CPU_PERIOD)) {
    throw invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  }
  if (CpuQuota > 0 && CpuQuota < MINIMUM_CPU_TIME) throw invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  const available = `available: 0-${host.cpuCount - 1}`;
  if (parseCpuSet(CpusetCpus, "cpuset cpus").some((cpu) => cpu >= host.cpuCount)) {
    throw invalid(`requested CPUs are not available - requested ${CpusetCpus}, ${available}`);
  }
  parseCpuSet(CpusetMems, "cpuset mems");
}

function memoryWarnings(hostConfig: HostConfig, host: HostFacts): string[] {
  const { Memory, MemorySwap, MemorySwappiness, OomKillDisable } = hostConfig;
  return [
    !host.swapLimit &&
      Memory > 0 &&
      MemorySwap !== -1 &&
      "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
    host.cgroupVersion === 2 &&
      MemorySwappiness !== null &&
      MemorySwappiness >= 0 &&
      "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.",
    host.cgroupVersion === 2 &&
      OomKillDisable === true &&
      "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
    host.cgroupVersion === 1 &&
      OomKillDisable === true &&
      Memory === 0 &&
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
  ].filter((warning) => warning !== false);
}

function limitWarnings(hostConfig: HostConfig, host: HostFacts): string[] {
  const weight = "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.";
  const labels = parseSecurityOptions(hostConfig.SecurityOpt ?? []).labels.filter((label) => label !== "disable");
  return [
    ...(!host.blockIoWeight && (hostConfig.BlkioWeight > 0 || hostConfig.BlkioWeightDevice.length > 0) ? [weight] : []),
    ...(host.selinux && labels.length > 0 ? ["SELinux labels are not applied to the container."] : []),
    ...hostConfig.Ulimits.filter((ulimit) => exceedsHost(ulimit, host)).map(
      ({ Name }) => `ulimit ${Name} is more than this host may grant, and was lowered to ${host.hardLimits[Name]}.`,
    ),
  ];
}

function networkWarnings({ NetworkMode, PortBindings }: HostConfig): string[] {
  if (NetworkMode !== "host" || Object.keys(PortBindings).length === 0) return [];
  return ["Published ports are discarded when using host network mode"];
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
