import type { ContainerConfig, CreateBody, HostConfig } from "./container-config.ts";

type Loose<T> = { readonly [K in keyof T]?: T[K] | null };

/** A body as clients send it: most of them leave out what they have nothing to say about, or send null. */
export interface LooseCreateBody extends Loose<ContainerConfig> {
  readonly HostConfig?: Loose<HostConfig> | null;
  readonly NetworkingConfig?: Loose<CreateBody["NetworkingConfig"]> | null;
}

const DEFAULT_CONFIG: ContainerConfig = {
  Hostname: "",
  Domainname: "",
  User: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: "",
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  Labels: {},
};

const DEFAULT_HOST_CONFIG: HostConfig = {
  Binds: null,
  ContainerIDFile: "",
  LogConfig: { Type: "", Config: {} },
  NetworkMode: "",
  PortBindings: {},
  RestartPolicy: { Name: "", MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: "",
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: "",
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: "",
  Links: null,
  OomScoreAdj: 0,
  PidMode: "",
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: "",
  UsernsMode: "",
  ShmSize: 0,
  Runtime: "",
  Isolation: "",
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: "",
  CpusetMems: "",
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  Ulimits: [],
};

/** Completes a body with the API's zero values. */
export function fillCreateBody(body: LooseCreateBody): CreateBody {
  const { HostConfig: hostConfig, NetworkingConfig: networking, ...config } = body;
  return {
    ...DEFAULT_CONFIG,
    ...withoutNulls(config),
    HostConfig: { ...DEFAULT_HOST_CONFIG, ...withoutNulls(hostConfig ?? {}) },
    NetworkingConfig: { EndpointsConfig: networking?.EndpointsConfig ?? {} },
  };
}

function withoutNulls<T extends object>(value: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const present = Object.entries(value).filter(([, member]) => member !== null && member !== undefined);
  return Object.fromEntries(present) as { [K in keyof T]?: NonNullable<T[K]> };
}
