import type { HostConfig } from "../model/container-config.ts";
import type { HostFacts } from "./host-facts.ts";
import type { LinuxNamespace } from "./runtime-spec.ts";
import type { SpecInput } from "./spec-input.ts";

/** The namespaces of a container: new ones, those it joins by path, and none of a kind that it shares with the host. */
export function buildNamespaces({ record, netnsPath, sharedNamespaces, host }: SpecInput): readonly LinuxNamespace[] {
  const { hostConfig } = record;
  return [
    { type: "mount" },
    ...(hostConfig.NetworkMode === "host" ? [] : [namespace("network", sharedNamespaces.network ?? netnsPath)]),
    ...(hostConfig.UTSMode === "host" ? [] : [namespace("uts")]),
    ...(hostConfig.PidMode === "host" ? [] : [namespace("pid", sharedNamespaces.pid)]),
    ...(hostConfig.IpcMode === "host" ? [] : [namespace("ipc", sharedNamespaces.ipc)]),
    ...(hasOwnCgroupNamespace(hostConfig, host) ? [namespace("cgroup")] : []),
  ];
}

function namespace(type: LinuxNamespace["type"], path?: string): LinuxNamespace {
  return path === undefined ? { type } : { type, path };
}

function hasOwnCgroupNamespace({ CgroupnsMode }: HostConfig, host: HostFacts): boolean {
  return (CgroupnsMode || defaultCgroupnsMode(host)) === "private";
}

/** docker's choice where the user makes none: v1's paths were the host's from of old. */
export function defaultCgroupnsMode({ cgroupVersion }: Pick<HostFacts, "cgroupVersion">): "private" | "host" {
  return cgroupVersion === 2 ? "private" : "host";
}

const NETWORK_SYSCTLS = {
  "net.ipv4.ip_unprivileged_port_start": "0",
  "net.ipv4.ping_group_range": "0 2147483647",
};

/**
 * Kernel parameters of the container's namespaces. With a network of its own every user may bind low ports and ping,
 * as there is nobody to be protected from there.
 */
export function buildSysctls({ config, hostConfig }: SpecInput["record"]): Readonly<Record<string, string>> {
  const ownNetwork = hostConfig.NetworkMode !== "host" && !hostConfig.NetworkMode.startsWith("container:");
  return {
    ...(ownNetwork && NETWORK_SYSCTLS),
    ...(config.Domainname !== "" && hostConfig.UTSMode !== "host" && { "kernel.domainname": config.Domainname }),
    ...hostConfig.Sysctls,
  };
}
