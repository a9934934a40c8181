import type { HostConfig, ThrottleDevice, WeightDevice } from "../model/container-config.ts";
import type { HostFacts } from "./host-facts.ts";
import type { LinuxResources, ThrottledDevice } from "./runtime-spec.ts";
import type { SpecInput } from "./spec-input.ts";

const CPU_PERIOD_MICROSECONDS = 100_000;
const NANO_CPUS = 1e9;

type Limits = Pick<SpecInput, "blockDevices"> & { readonly hostConfig: HostConfig; readonly host: HostFacts };

/** What a container's cgroup limits, without its device rules. Absent parts are unlimited. */
export function buildResources({ hostConfig, host, blockDevices }: Limits): Omit<LinuxResources, "devices"> {
  const pids = hostConfig.PidsLimit ?? 0;
  return {
    memory: memoryLimits(hostConfig, host),
    cpu: cpuLimits(hostConfig),
    ...(pids > 0 && { pids: { limit: pids } }),
    blockIO: blockIoLimits({ hostConfig, host, blockDevices }),
  };
}

/** Memory and swap together are twice the memory unless the swap is said. */
export function memoryAndSwap({ Memory, MemorySwap }: Pick<HostConfig, "Memory" | "MemorySwap">): number {
  return Memory > 0 && MemorySwap === 0 ? 2 * Memory : MemorySwap;
}

function memoryLimits(hostConfig: HostConfig, host: HostFacts): NonNullable<LinuxResources["memory"]> {
  const { Memory, MemoryReservation, MemorySwappiness, OomKillDisable } = hostConfig;
  const swap = host.swapLimit ? memoryAndSwap(hostConfig) : 0;
  const v1 = host.cgroupVersion === 1;
  return {
    ...(Memory > 0 && { limit: Memory }),
    ...(MemoryReservation > 0 && { reservation: MemoryReservation }),
    ...(swap > 0 && { swap }),
    ...(v1 && MemorySwappiness !== null && MemorySwappiness >= 0 && { swappiness: MemorySwappiness }),
    ...(v1 && { disableOOMKiller: OomKillDisable ?? false }),
  };
}

function cpuLimits(hostConfig: HostConfig): NonNullable<LinuxResources["cpu"]> {
  const { CpuShares, NanoCpus, CpuPeriod, CpuQuota, CpuRealtimePeriod, CpuRealtimeRuntime } = hostConfig;
  const quota = NanoCpus > 0 ? Math.trunc((NanoCpus * CPU_PERIOD_MICROSECONDS) / NANO_CPUS) : CpuQuota;
  const period = NanoCpus > 0 ? CPU_PERIOD_MICROSECONDS : CpuPeriod;
  return {
    ...(CpuShares > 0 && { shares: CpuShares }),
    ...(quota !== 0 && { quota }),
    ...(period !== 0 && { period }),
    ...(CpuRealtimePeriod !== 0 && { realtimePeriod: CpuRealtimePeriod }),
    ...(CpuRealtimeRuntime !== 0 && { realtimeRuntime: CpuRealtimeRuntime }),
    ...(hostConfig.CpusetCpus !== "" && { cpus: hostConfig.CpusetCpus }),
    ...(hostConfig.CpusetMems !== "" && { mems: hostConfig.CpusetMems }),
  };
}

function blockIoLimits({ hostConfig, host, blockDevices }: Limits): NonNullable<LinuxResources["blockIO"]> {
  const rates = (devices: readonly ThrottleDevice[]): ThrottledDevice[] =>
    devices.flatMap(({ Path, Rate }) => {
      const numbers = blockDevices[Path];
      return numbers === undefined ? [] : [{ ...numbers, rate: Rate }];
    });
  const weights = ({ Path, Weight }: WeightDevice) => {
    const numbers = blockDevices[Path];
    return numbers === undefined ? [] : [{ ...numbers, weight: Weight }];
  };
  const weightDevices = host.blockIoWeight ? hostConfig.BlkioWeightDevice.flatMap(weights) : [];
  const throttles = {
    throttleReadBpsDevice: rates(hostConfig.BlkioDeviceReadBps),
    throttleWriteBpsDevice: rates(hostConfig.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: rates(hostConfig.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: rates(hostConfig.BlkioDeviceWriteIOps),
  };
  return {
    ...(host.blockIoWeight && hostConfig.BlkioWeight > 0 && { weight: hostConfig.BlkioWeight }),
    ...(weightDevices.length > 0 && { weightDevice: weightDevices }),
    ...Object.fromEntries(Object.entries(throttles).filter(([, devices]) => devices.length > 0)),
  };
}
