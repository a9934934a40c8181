/**
 * What the runtime spec depends on and only the host knows. Read once by a boundary (`store/host-facts.ts`); the
 * builders of this folder are pure and get it as a value.
 */
export interface HostFacts {
  /** 2: the unified hierarchy alone. 1: v1 controllers, be it with a v2 hierarchy beside them (hybrid). */
  readonly cgroupVersion: 1 | 2;
  readonly cgroupDriver: "cgroupfs" | "systemd";
  /** Capabilities that this process may hand on, e.g. `CAP_CHOWN`. */
  readonly boundingCapabilities: readonly string[];
  /** The AppArmor profile of a container that names none; `undefined` without AppArmor, or if it is not loaded. */
  readonly defaultApparmorProfile: string | undefined;
  readonly apparmor: boolean;
  readonly selinux: boolean;
  /** The kernel was built with seccomp filters. */
  readonly seccomp: boolean;
  /** As `uname -r` prints it: `6.1.0-13-amd64`. */
  readonly kernelVersion: string;
  /** The Go name of the architecture: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly hostname: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  /** The block layer takes weights, `--blkio-weight`. */
  readonly blockIoWeight: boolean;
  /** Swap can be accounted to a cgroup, so that `--memory-swap` means something. */
  readonly swapLimit: boolean;
  /** Hard limits of this process, which one without CAP_SYS_RESOURCE cannot raise; `undefined` is unlimited. Keys as `nofile`. */
  readonly hardLimits: Readonly<Record<string, number | undefined>>;
  /** Absolute path of a static init (`tini`, `docker-init`); `undefined` if the host has none. */
  readonly initBinary: string | undefined;
}

/** True when the host's kernel is at least `minimum`, e.g. `5.12`. */
export function kernelAtLeast(host: Pick<HostFacts, "kernelVersion">, minimum: string): boolean {
  const [major = 0, minor = 0] = numbers(host.kernelVersion);
  const [wantedMajor = 0, wantedMinor = 0] = numbers(minimum);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function numbers(version: string): number[] {
  return version.split(/[.-]/).map((part) => Number.parseInt(part, 10));
}
