import { EngineError } from "../../errors.ts";
import type { HostConfig } from "../../model/container-config.ts";
import type { HostFacts } from "../../spec/host-facts.ts";

const LEAST_MEMORY_BYTES = 6 * 1024 * 1024;
const LEAST_CFS_US = 1_000;
const MOST_CFS_PERIOD_US = 1_000_000;

/** Refuses limits that contradict each other or the host, as docker does. @throws EngineError `invalid-argument`. */
export function checkResources(hostConfig: HostConfig, host: Pick<HostFacts, "cpuCount">): void {
  checkMemory(hostConfig);
  checkCpus(hostConfig, host.cpuCount);
  checkCpuset(hostConfig.CpusetCpus, host.cpuCount);
}

function checkMemory({ Memory, MemorySwap, MemoryReservation, MemorySwappiness, ShmSize }: HostConfig): void {
  if (Memory !== 0 && Memory < LEAST_MEMORY_BYTES) throw invalid("Minimum memory limit allowed is 6MB");
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory) {
    throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (Memory === 0 && MemorySwap > 0) {
    throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (MemorySwappiness !== null && (MemorySwappiness < -1 || MemorySwappiness > 100)) {
    throw invalid(`Invalid value: ${MemorySwappiness}, valid memory swappiness range is 0-100`);
  }
  if (MemoryReservation > 0 && MemoryReservation < LEAST_MEMORY_BYTES) {
    throw invalid("Minimum memory reservation allowed is 6MB");
  }
  if (Memory > 0 && MemoryReservation > Memory) {
    throw invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
  }
  if (ShmSize < 0) throw invalid("SHM size can not be less than 0");
}

function checkCpus({ NanoCpus, CpuPeriod, CpuQuota }: HostConfig, cpuCount: number): void {
  if (NanoCpus > 0 && CpuPeriod > 0) throw invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  if (NanoCpus > 0 && CpuQuota > 0) throw invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  if (NanoCpus < 0 || NanoCpus > cpuCount * 1e9) {
    throw invalid(`range of CPUs is from 0.01 to ${cpuCount}.00, as there are only ${cpuCount} CPUs available`);
  }
  if (CpuPeriod !== 0 && (CpuPeriod < LEAST_CFS_US || CpuPeriod > MOST_CFS_PERIOD_US)) {
    throw invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  }
  if (CpuQuota > 0 && CpuQuota < LEAST_CFS_US) throw invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
}

/** Reads `0-3,6`. */
function checkCpuset(text: string, cpuCount: number): void {
  if (text === "") return;
  for (const part of text.split(",")) {
    const [first = "", last = first] = part.split("-");
    if (![first, last].every((number) => /^\d+$/.test(number)) || Number(last) < Number(first)) {
      throw invalid(`Invalid value ${text} for cpuset cpus: invalid format: ${text}`);
    }
    if (Number(last) >= cpuCount) {
      throw invalid(`Requested CPUs are not available - requested ${text}, available: 0-${cpuCount - 1}`);
    }
  }
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
