import { createHash } from "node:crypto";
import type { EndpointSettings } from "../../model/container-config.ts";
import type { ContainerRecord, EndpointState, PublishedPort, ResolvedMount } from "../../model/container-record.ts";
import type { EndpointView, MountPoint, NetworkSettingsView, PortSummary } from "../../model/container-view.ts";
import type { StoredContainer } from "./stored-container.ts";

/** The parts of docker's view of a container that its row in a list and its inspection share. */

/** `Mounts`: binds, volumes and the tmpfs of `--mount`; those of `--tmpfs` docker shows in HostConfig alone. */
export function viewMounts(record: ContainerRecord): MountPoint[] {
  const plainTmpfs = record.hostConfig.Tmpfs ?? {};
  return record.mounts.filter((mount) => !(mount.type === "tmpfs" && mount.destination in plainTmpfs)).map(viewMount);
}

function viewMount(mount: ResolvedMount): MountPoint {
  return {
    Type: mount.type,
    ...(mount.name === undefined ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.type === "volume" ? { Driver: "local" } : {}),
    Mode: mount.mode,
    RW: !mount.readOnly,
    Propagation: mount.propagation,
  };
}

/**
 * `NetworkSettings.Networks`. A container that shares another's network has none of its own; one that does not run
 * shows which networks it belongs to, and no addresses.
 */
export function viewNetworks({ id, record, state }: StoredContainer, running: boolean): Record<string, EndpointView> {
  if (record.hostConfig.NetworkMode.startsWith("container:")) return {};
  const names = new Set([...Object.keys(record.endpoints), ...state.endpoints.map((endpoint) => endpoint.networkName)]);
  if (names.size === 0) names.add(networkNameOf(record.hostConfig.NetworkMode));
  const views = [...names].map((name) => {
    const endpoint = state.endpoints.find(({ networkName }) => networkName === name);
    const settings = record.endpoints[name] ?? {};
    return [name, viewEndpoint(settings, endpoint, running ? () => endpointId(id, name) : undefined)] as const;
  });
  return Object.fromEntries(views);
}

/** `id` is absent for an endpoint that is not connected. It is asked for when it is shown: few show it, and it is hashed. */
function viewEndpoint(
  settings: EndpointSettings,
  endpoint: EndpointState | undefined,
  id: (() => string) | undefined,
): EndpointView {
  const connected = id && endpoint;
  return {
    IPAMConfig: settings.IPAMConfig ?? null,
    Links: settings.Links ?? null,
    Aliases: settings.Aliases ?? null,
    MacAddress: connected?.macAddress ?? "",
    DriverOpts: settings.DriverOpts ?? null,
    GwPriority: settings.GwPriority ?? 0,
    NetworkID: endpoint?.networkId ?? "",
    get EndpointID() {
      return id?.() ?? "";
    },
    Gateway: connected?.gateway ?? "",
    IPAddress: connected?.ipAddress ?? "",
    IPPrefixLen: connected?.prefixLength ?? 0,
    IPv6Gateway: connected?.ipv6Gateway ?? "",
    GlobalIPv6Address: connected?.ipv6Address ?? "",
    GlobalIPv6PrefixLen: connected?.ipv6PrefixLength ?? 0,
    DNSNames: null,
  };
}

/** CNI has no ids for endpoints: the container and the network tell them apart. */
function endpointId(containerId: string, networkName: string): string {
  return createHash("sha256").update(`${containerId}/${networkName}`).digest("hex");
}

/** The API's names for docker's default network. */
export function networkNameOf(networkMode: string): string {
  return networkMode === "default" || networkMode === "" ? "bridge" : networkMode;
}

/** `NetworkSettings`, with the top-level fields that docker fills for its default network alone. */
export function viewNetworkSettings(container: StoredContainer, running: boolean): NetworkSettingsView {
  const { state } = container;
  const networks = viewNetworks(container, running);
  const primary = networks.bridge;
  const netns = running ? state.netnsPath : "";
  return {
    Bridge: "",
    SandboxID: netns === "" ? "" : container.id,
    SandboxKey: netns,
    Ports: running ? portMap(container) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: primary?.EndpointID ?? "",
    Gateway: primary?.Gateway ?? "",
    GlobalIPv6Address: primary?.GlobalIPv6Address ?? "",
    GlobalIPv6PrefixLen: primary?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: primary?.IPAddress ?? "",
    IPPrefixLen: primary?.IPPrefixLen ?? 0,
    IPv6Gateway: primary?.IPv6Gateway ?? "",
    MacAddress: primary?.MacAddress ?? "",
    Networks: networks,
  };
}

type PortMap = Record<string, { HostIp: string; HostPort: string }[] | null>;

function portMap(container: StoredContainer): PortMap {
  const map: PortMap = {};
  for (const port of exposedPorts(container)) map[port] = null;
  for (const { containerPort, protocol, hostIp, hostPort } of container.state.ports) {
    const key = `${containerPort}/${protocol}`;
    map[key] = [...(map[key] ?? []), { HostIp: hostIp, HostPort: String(hostPort) }];
  }
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `Ports` of a container's row: published ones, and those only exposed, as long as it runs on a network of its own. */
export function viewPorts(container: StoredContainer): PortSummary[] {
  const published = container.state.ports.map(viewPort);
  const isPublished = (port: PortSummary) =>
    published.some((other) => other.PrivatePort === port.PrivatePort && other.Type === port.Type);
  const exposed = exposedPorts(container)
    .map((key): PortSummary => {
      const [port = "", protocol = "tcp"] = key.split("/");
      return { PrivatePort: Number(port), Type: protocol as PortSummary["Type"] };
    })
    .filter((port) => !isPublished(port));
  return [...published, ...exposed];
}

function viewPort({ hostIp, containerPort, hostPort, protocol }: PublishedPort): PortSummary {
  return { IP: hostIp, PrivatePort: containerPort, PublicPort: hostPort, Type: protocol };
}

function exposedPorts({ record }: StoredContainer): string[] {
  const mode = record.hostConfig.NetworkMode;
  if (mode === "none" || mode === "host" || mode.startsWith("container:")) return [];
  return Object.keys(record.config.ExposedPorts ?? {});
}
