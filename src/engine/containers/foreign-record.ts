import type { ContainerInfo } from "../../containerd/containers.ts";
import type { ContainerConfig, HostConfig } from "../../model/container-config.ts";
import { type ContainerRecord, type ResolvedMount, STATE_DIR_LABEL } from "../../model/container-record.ts";
import { fillCreateBody } from "../../model/create-body.ts";
import type { RuntimeSpec, SpecMount } from "../../spec/runtime-spec.ts";

/** What the runtime spec of another client's container tells of it, in wharf's terms. */
export function describeForeignContainer(info: ContainerInfo): ContainerRecord {
  const spec = info.spec as Partial<RuntimeSpec> | undefined;
  const process = spec?.process;
  const defaults = fillCreateBody({ Image: info.image });
  const config: ContainerConfig = {
    ...defaults,
    Hostname: spec?.hostname ?? "",
    User: process === undefined ? "" : `${process.user.uid}:${process.user.gid}`,
    Tty: process?.terminal ?? false,
    Env: process?.env ?? [],
    Cmd: process?.args ?? [],
    WorkingDir: process?.cwd ?? "",
    Labels: info.labels,
  };
  const hostConfig: HostConfig = {
    ...defaults.HostConfig,
    NetworkMode: spec?.linux?.namespaces.some(({ type }) => type === "network") === false ? "host" : "default",
    ReadonlyRootfs: spec?.root?.readonly ?? false,
    ...(spec?.annotations === undefined ? {} : { Annotations: spec.annotations }),
  };
  const stateDir = info.labels[STATE_DIR_LABEL] ?? "";
  return {
    config,
    hostConfig,
    endpoints: {},
    image: { reference: info.image, id: "", target: "" },
    platform: "linux",
    argv: process?.args ?? [],
    mounts: (spec?.mounts ?? []).filter(isHostBind).map(describeMount),
    logPath: stateDir === "" ? "" : `${stateDir}/${info.id}-json.log`,
    stateDir,
  };
}

/** Binds that a person asked for; the files of /etc that clients place themselves are not among them. */
function isHostBind(mount: SpecMount): boolean {
  return mount.type === "bind" && !/^\/etc\/(hosts|hostname|resolv\.conf)$/.test(mount.destination);
}

function describeMount({ source, destination, options }: SpecMount): ResolvedMount {
  const propagation = options.find((option) => /^r?(private|shared|slave)$/.test(option)) ?? "";
  return {
    type: "bind",
    source,
    destination,
    readOnly: options.includes("ro"),
    mode: "",
    propagation,
    options: [],
    anonymous: false,
  };
}
