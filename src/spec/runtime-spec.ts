/**
 * The OCI runtime specification, as far as wharf writes it: https://github.com/opencontainers/runtime-spec.
 * Field names are the specification's.
 */
export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly process: ProcessSpec;
  readonly root: { readonly path: string; readonly readonly?: boolean };
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts: readonly SpecMount[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux: LinuxSpec;
}

export interface ProcessSpec {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: { readonly uid: number; readonly gid: number; readonly additionalGids?: readonly number[] };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: CapabilitySets;
  readonly rlimits?: readonly Rlimit[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly oomScoreAdj?: number;
}

export interface CapabilitySets {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly permitted?: readonly string[];
}

/** `bigint` holds RLIM_INFINITY, 2^64 - 1, which a number cannot; `model/json.ts` writes it as the numeral it is. */
export interface Rlimit {
  readonly type: string;
  readonly soft: number | bigint;
  readonly hard: number | bigint;
}

export interface SpecMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface LinuxSpec {
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly resources: LinuxResources;
  readonly cgroupsPath: string;
  readonly namespaces: readonly LinuxNamespace[];
  readonly devices?: readonly LinuxDevice[];
  readonly seccomp?: Seccomp;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly rootfsPropagation?: string;
}

export interface LinuxNamespace {
  readonly type: "mount" | "network" | "uts" | "pid" | "ipc" | "cgroup" | "user";
  /** Absent: a new namespace. */
  readonly path?: string;
}

export interface LinuxDevice {
  readonly path: string;
  readonly type: "c" | "b" | "p" | "u";
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A rule of the device cgroup; `-1` as a number, or its absence, means any. */
export interface DeviceRule {
  readonly allow: boolean;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

export interface LinuxResources {
  readonly devices?: readonly DeviceRule[];
  readonly memory?: {
    readonly limit?: number;
    readonly reservation?: number;
    readonly swap?: number;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
  };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly realtimePeriod?: number;
    readonly realtimeRuntime?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: {
    readonly weight?: number;
    readonly weightDevice?: readonly { readonly major: number; readonly minor: number; readonly weight: number }[];
    readonly throttleReadBpsDevice?: readonly ThrottledDevice[];
    readonly throttleWriteBpsDevice?: readonly ThrottledDevice[];
    readonly throttleReadIOPSDevice?: readonly ThrottledDevice[];
    readonly throttleWriteIOPSDevice?: readonly ThrottledDevice[];
  };
}

export interface ThrottledDevice {
  readonly major: number;
  readonly minor: number;
  readonly rate: number;
}

export interface Seccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly syscalls?: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[];
}

export interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}
