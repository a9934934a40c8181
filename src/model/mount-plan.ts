import { EngineError } from "../errors.ts";
import type { ContainerConfig, HostConfig, MountRequest } from "./container-config.ts";
import type { ResolvedMount } from "./container-record.ts";
import { checkMount } from "./mount-check.ts";
import { resolvePath } from "./path.ts";
import { checkTmpfsOptions } from "./tmpfs-options.ts";
import { parseBind } from "./volume-spec.ts";

/**
 * A mount that a container asks for, before the host has been touched. Whoever makes it creates the volume or the
 * directory, and with the paths it then knows writes a `ResolvedMount`.
 */
export interface PlannedMount extends Omit<ResolvedMount, "source"> {
  /** Host path of a bind mount; `""` for a volume, whose path its driver knows, and for a tmpfs. */
  readonly source: string;
  /** `-v` makes a missing directory of the host; `--mount` refuses it. */
  readonly createSource: boolean;
  /** A new volume is filled with what the image has at its destination. */
  readonly copyUp: boolean;
  readonly volume?: NonNullable<MountRequest["VolumeOptions"]>;
}

/** What mounts are planned from. */
export interface MountSources {
  readonly config: Pick<ContainerConfig, "Volumes">;
  readonly hostConfig: Pick<HostConfig, "Binds" | "Mounts" | "Tmpfs" | "VolumeDriver">;
  /** Mounts of `--volumes-from` containers, their mode already applied. */
  readonly inherited?: readonly ResolvedMount[];
}

/**
 * Everything that is to be mounted, one entry a destination. `-v` and `--mount` win over `--volumes-from`, and all of
 * them over the image's own volumes.
 *
 * @throws EngineError `invalid-argument` for a malformed mount, or two at one destination.
 */
export function planMounts({ config, hostConfig, inherited = [] }: MountSources): PlannedMount[] {
  const asked = [
    ...(hostConfig.Binds ?? []).map((bind) => planBind(bind, hostConfig.VolumeDriver)),
    ...(hostConfig.Mounts ?? []).map(planMount),
  ];
  const tmpfs = Object.entries(hostConfig.Tmpfs ?? {}).map(([path, options]) => planTmpfs(path, options));
  const destinations = new Map<string, PlannedMount>();
  for (const mount of asked) {
    if (destinations.has(mount.destination)) throw duplicate(mount.destination);
    destinations.set(mount.destination, mount);
  }
  for (const mount of tmpfs) {
    const other = destinations.get(mount.destination);
    if (other !== undefined && other.type !== "tmpfs") throw duplicate(mount.destination);
    destinations.set(mount.destination, mount);
  }
  const anonymous = Object.keys(config.Volumes ?? {}).map((path) => planAnonymous(path, hostConfig.VolumeDriver));
  for (const mount of [...inherited.map(planInherited), ...anonymous]) {
    if (!destinations.has(mount.destination)) destinations.set(mount.destination, mount);
  }
  return [...destinations.values()];
}

function planBind(bind: string, driver: string): PlannedMount {
  const { type, source, destination, mode, readOnly, propagation, noCopy } = parseBind(bind);
  const common = { destination, readOnly, mode, options: [], anonymous: false };
  if (type === "bind") {
    return { ...common, type, source, propagation: propagation || "rprivate", createSource: true, copyUp: false };
  }
  return {
    ...common,
    type,
    mode: mode || "z",
    name: source,
    source: "",
    propagation: "",
    createSource: false,
    copyUp: !noCopy,
    ...(driver !== "" && { volume: { DriverConfig: { Name: driver } } }),
  };
}

function planMount(mount: MountRequest): PlannedMount {
  checkMount(mount);
  const common = {
    destination: resolvePath("/", mount.Target),
    readOnly: mount.ReadOnly ?? false,
    mode: "",
    anonymous: false,
    copyUp: false,
    createSource: false,
  };
  switch (mount.Type) {
    case "bind":
      return {
        ...common,
        type: "bind",
        source: resolvePath("/", mount.Source ?? ""),
        propagation: mount.BindOptions?.Propagation || "rprivate",
        options: recursionOptions(mount.BindOptions),
        createSource: mount.BindOptions?.CreateMountpoint ?? false,
      };
    case "volume":
      return {
        ...common,
        type: "volume",
        ...(mount.Source && { name: mount.Source }),
        source: "",
        mode: "z",
        propagation: "",
        options: [],
        anonymous: !mount.Source,
        copyUp: !(mount.VolumeOptions?.NoCopy ?? false),
        ...(mount.VolumeOptions && { volume: mount.VolumeOptions }),
      };
    default:
      return { ...common, type: "tmpfs", source: "", propagation: "", options: tmpfsOptions(mount.TmpfsOptions) };
  }
}

/** In the words of a mount: `bind` for one without what is mounted below it, `ro` where only the top is read-only. */
function recursionOptions(options: MountRequest["BindOptions"]): string[] {
  return [options?.NonRecursive ? "bind" : "", options?.ReadOnlyNonRecursive ? "ro" : ""].filter((word) => word !== "");
}

function tmpfsOptions(options: MountRequest["TmpfsOptions"]): string[] {
  const mode = options?.Mode ? [`mode=${options.Mode.toString(8)}`] : [];
  return options?.SizeBytes ? [...mode, `size=${shortSize(options.SizeBytes)}`] : mode;
}

/** The size with the largest unit that divides it. */
function shortSize(sizeBytes: number): string {
  const units: readonly [string, number][] = [
    ["g", 1024 ** 3],
    ["m", 1024 ** 2],
    ["k", 1024],
  ];
  const [suffix, divisor] = units.find(([, unit]) => sizeBytes % unit === 0) ?? ["", 1];
  return `${sizeBytes / divisor}${suffix}`;
}

function planTmpfs(path: string, options: string): PlannedMount {
  if (!path.startsWith("/")) {
    throw new EngineError("invalid-argument", `invalid mount path: '${path}' mount path must be absolute`);
  }
  checkMount({ Type: "tmpfs", Target: path });
  checkTmpfsOptions(options);
  return {
    type: "tmpfs",
    source: "",
    destination: resolvePath("/", path),
    readOnly: options.split(",").includes("ro"),
    mode: options,
    propagation: "",
    options: options.split(",").filter((option) => option !== ""),
    anonymous: false,
    createSource: false,
    copyUp: false,
  };
}

function planAnonymous(path: string, driver: string): PlannedMount {
  checkMount({ Type: "volume", Target: path });
  return {
    type: "volume",
    source: "",
    destination: resolvePath("/", path),
    readOnly: false,
    mode: "",
    propagation: "",
    options: [],
    anonymous: true,
    createSource: false,
    copyUp: true,
    ...(driver !== "" && { volume: { DriverConfig: { Name: driver } } }),
  };
}

/** A volume of another container is shared, never filled again, and not ours to remove. */
function planInherited(mount: ResolvedMount): PlannedMount {
  return { ...mount, anonymous: false, createSource: false, copyUp: false };
}

function duplicate(destination: string): EngineError {
  return new EngineError("invalid-argument", `duplicate mount point: ${destination}`);
}
