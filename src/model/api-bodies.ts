import type { EndpointSettings, HostConfig, MountRequest } from "./container-config.ts";
import type { LooseCreateBody } from "./create-body.ts";
import type { ExecConfig, ExecStartConfig } from "./exec-config.ts";
import { anything, boolean, integer, list, mapOf, object, optional, type Shape, string } from "./json-shape.ts";
import { count, health, namesOnly, text, texts, textsByName } from "./loose-shapes.ts";

/** The bodies that clients of the Engine API send. Every member may be left out, or null; members unknown to us are. */

const flag = optional(boolean);
const throttles = optional(list(object({ Path: string, Rate: integer })));

const size: Shape<readonly [height: number, width: number] | undefined> = (value, path) => {
  const [height = 0, width = 0] = optional(list(integer))(value, path) ?? [];
  return value === undefined || value === null ? undefined : [height, width];
};

const mount = object({
  Type: optional(string),
  Source: text,
  Target: optional(string),
  ReadOnly: flag,
  Consistency: text,
  BindOptions: optional(
    object({
      Propagation: text,
      NonRecursive: flag,
      CreateMountpoint: flag,
      ReadOnlyNonRecursive: flag,
      ReadOnlyForceRecursive: flag,
    }),
  ),
  VolumeOptions: optional(
    object({
      NoCopy: flag,
      Labels: textsByName,
      Subpath: text,
      DriverConfig: optional(object({ Name: text, Options: textsByName })),
    }),
  ),
  TmpfsOptions: optional(object({ SizeBytes: count, Mode: count })),
});

/** docker's zero values stand for what a mount leaves out; which types there are is for the mount's own check to say. */
const mountRequest: Shape<MountRequest> = (value, path) => {
  const { Type = "", Target = "", ...others } = mount(value, path);
  return { ...others, Type: Type as MountRequest["Type"], Target };
};

/** A list under each port may be null: exposed, and published nowhere. */
const portBindings = mapOf((value: unknown, path: string) => {
  const bindings = optional(list(object({ HostIp: text, HostPort: text })))(value, path) ?? [];
  return bindings.map(({ HostIp = "", HostPort = "" }) => ({ HostIp, HostPort }));
});

const logConfig: Shape<HostConfig["LogConfig"]> = (value, path) => {
  const { Type = "", Config = {} } = object({ Type: text, Config: textsByName })(value, path);
  return { Type, Config };
};

const restartPolicy: Shape<HostConfig["RestartPolicy"]> = (value, path) => {
  const { Name = "", MaximumRetryCount = 0 } = object({ Name: text, MaximumRetryCount: count })(value, path);
  return { Name: Name as HostConfig["RestartPolicy"]["Name"], MaximumRetryCount };
};

const device: Shape<HostConfig["Devices"][number]> = (value, path) => {
  const members = object({ PathOnHost: text, PathInContainer: text, CgroupPermissions: text })(value, path);
  const { PathOnHost = "", PathInContainer = "", CgroupPermissions = "" } = members;
  return { PathOnHost, PathInContainer, CgroupPermissions };
};

/** Words of a command; one alone may come without a list, as it does to docker. */
const words: Shape<string[] | undefined> = (value, path) => {
  return typeof value === "string" ? [value] : optional(list(string))(value, path);
};

type Loose<T> = { readonly [K in keyof T]?: T[K] | null };

const hostConfig = object({
  Binds: texts,
  ContainerIDFile: text,
  LogConfig: optional(logConfig),
  NetworkMode: text,
  PortBindings: optional(portBindings),
  RestartPolicy: optional(restartPolicy),
  AutoRemove: flag,
  VolumeDriver: text,
  VolumesFrom: texts,
  ConsoleSize: size,
  Annotations: textsByName,
  CapAdd: texts,
  CapDrop: texts,
  CgroupnsMode: text,
  Dns: texts,
  DnsOptions: texts,
  DnsSearch: texts,
  ExtraHosts: texts,
  GroupAdd: texts,
  IpcMode: text,
  Links: texts,
  OomScoreAdj: count,
  PidMode: text,
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  SecurityOpt: texts,
  StorageOpt: textsByName,
  Tmpfs: textsByName,
  UTSMode: text,
  UsernsMode: text,
  ShmSize: count,
  Sysctls: textsByName,
  Runtime: text,
  Isolation: text,
  Mounts: optional(list(mountRequest)),
  MaskedPaths: texts,
  ReadonlyPaths: texts,
  Init: flag,
  CpuShares: count,
  Memory: count,
  NanoCpus: count,
  CgroupParent: text,
  BlkioWeight: count,
  BlkioWeightDevice: optional(list(object({ Path: string, Weight: integer }))),
  BlkioDeviceReadBps: throttles,
  BlkioDeviceWriteBps: throttles,
  BlkioDeviceReadIOps: throttles,
  BlkioDeviceWriteIOps: throttles,
  CpuPeriod: count,
  CpuQuota: count,
  CpuRealtimePeriod: count,
  CpuRealtimeRuntime: count,
  CpusetCpus: text,
  CpusetMems: text,
  Devices: optional(list(device)),
  DeviceCgroupRules: texts,
  DeviceRequests: optional(list(mapOf(anything))),
  MemoryReservation: count,
  MemorySwap: count,
  MemorySwappiness: count,
  OomKillDisable: flag,
  PidsLimit: count,
  Ulimits: optional(list(object({ Name: string, Soft: integer, Hard: integer }))),
}) satisfies Shape<Loose<HostConfig>>;

const endpoint = object({
  IPAMConfig: optional(object({ IPv4Address: text, IPv6Address: text, LinkLocalIPs: texts })),
  Links: texts,
  Aliases: texts,
  MacAddress: text,
  DriverOpts: textsByName,
  GwPriority: count,
}) satisfies Shape<EndpointSettings>;

/** docker's command line and others send null for a network of which they have nothing to say. */
const endpoints = mapOf((value: unknown, path: string) => optional(endpoint)(value, path) ?? {});

/** The body of `POST /containers/create`. */
export const createBodyShape = object({
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ExposedPorts: namesOnly,
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: texts,
  Cmd: words,
  Healthcheck: optional(health),
  Image: text,
  Volumes: namesOnly,
  WorkingDir: text,
  Entrypoint: words,
  Labels: textsByName,
  StopSignal: text,
  StopTimeout: count,
  HostConfig: optional(hostConfig),
  NetworkingConfig: optional(object({ EndpointsConfig: optional(endpoints) })),
}) satisfies Shape<LooseCreateBody>;

/** The body of `POST /containers/{id}/exec`. */
export const execConfigShape = object({
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  DetachKeys: text,
  Tty: flag,
  ConsoleSize: size,
  Env: texts,
  Cmd: words,
  Privileged: flag,
  User: text,
  WorkingDir: text,
}) satisfies Shape<ExecConfig>;

/** The body of `POST /exec/{id}/start`. */
export const execStartShape = object({ Detach: flag, Tty: flag, ConsoleSize: size }) satisfies Shape<ExecStartConfig>;
