import type { HostConfig } from "../model/container-config.ts";
import type { HostFacts } from "./host-facts.ts";
import { exceedsHost } from "./rlimits.ts";
import { parseSecurityOptions } from "./security-options.ts";

/** What was asked and this host cannot do, so that the container is made without it; in docker's words where it has some. */
export function hostWarnings(hostConfig: HostConfig, host: HostFacts): string[] {
  return [
    ...memoryWarnings(hostConfig, host),
    ...limitWarnings(hostConfig, host),
    ...networkWarnings(hostConfig),
    ...logWarnings(hostConfig),
  ];
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

/** docker's options of its json-file driver that change nothing here. */
const LOG_OPTIONS_NOT_DONE = ["compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode"];

function logWarnings({ LogConfig }: HostConfig): string[] {
  return Object.keys(LogConfig.Config)
    .filter((name) => LOG_OPTIONS_NOT_DONE.includes(name))
    .map((name) => `log opt '${name}' is recorded and has no effect.`);
}
