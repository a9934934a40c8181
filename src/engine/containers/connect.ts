import type { PortRequest } from "../../cni/port-claims.ts";
import { EngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { EndpointSettings, HostConfig } from "../../model/container-config.ts";
import type { ContainerRecord, EndpointState, PublishedPort } from "../../model/container-record.ts";
import { parsePortKey } from "../../model/port-spec.ts";
import type { Engine } from "../engine.ts";
import type { Rollback } from "../rollback.ts";
import { sharedContainerOf } from "./shared-namespaces.ts";
import { networkNameOf } from "./views.ts";

/** A container's place on its networks. */
export interface Connection {
  readonly endpoints: readonly EndpointState[];
  readonly ports: readonly PublishedPort[];
}

/** True for a container with a network namespace and networks of its own; not for `none`, `host` and `container:`. */
export function hasOwnNetworks({ NetworkMode }: HostConfig): boolean {
  return NetworkMode !== "none" && NetworkMode !== "host" && sharedContainerOf(NetworkMode) === undefined;
}

/**
 * Makes the network namespace of a container. Its undo also takes the container off whatever networks it was put on
 * since, so `connectNetworks` needs none of its own.
 */
export async function createSandbox(
  { networks }: Pick<Engine, "networks">,
  containerId: string,
  rollback: Rollback,
): Promise<string> {
  const netnsPath = await networks.createSandbox(containerId);
  faultPoint("start.netns-made");
  rollback.defer(() => networks.detach({ containerId, netnsPath, endpoints: [] }));
  return netnsPath;
}

/**
 * Claims a container's ports and puts its network namespace on all of its networks; the ports are published on the
 * first.
 *
 * @throws EngineError `not-found` for a network that does not exist; `conflict` for a port or address that is taken.
 */
export async function connectNetworks(
  { networks }: Pick<Engine, "networks">,
  { id, record, netnsPath }: { readonly id: string; readonly record: ContainerRecord; readonly netnsPath: string },
  rollback: Rollback,
  { signal }: { readonly signal: AbortSignal },
): Promise<Connection> {
  const ports = await networks.ports.claim(portRequests(record));
  faultPoint("start.ports-claimed");
  const endpoints: EndpointState[] = [];
  rollback.defer(() => networks.ports.release(ports, networks.detach({ containerId: id, netnsPath, endpoints })));
  for (const [index, attachment] of attachments(id, record).entries()) {
    const request = { ...attachment, netnsPath, ports: index === 0 ? ports : [] };
    endpoints.push(await networks.attach(request, signal).catch(explainNetworkFailure));
  }
  return { endpoints, ports };
}

/**
 * What `connectNetworks` gave to a container, from what the networks remember: for one whose process was started by a
 * supervisor that was killed before it wrote that down.
 */
export async function recallConnection(
  { networks }: Pick<Engine, "networks">,
  { id, record }: { readonly id: string; readonly record: ContainerRecord },
): Promise<Connection> {
  if (!hasOwnNetworks(record.hostConfig)) return { endpoints: [], ports: [] };
  const recalled = await Promise.all(attachments(id, record).map((attachment) => networks.recall(attachment)));
  const found = recalled.filter((connection) => connection !== undefined);
  return {
    endpoints: found.map(({ endpoint }) => endpoint),
    ports: found.flatMap(({ ports }) => ports),
  };
}

function attachments(containerId: string, record: ContainerRecord) {
  return wantedEndpoints(record).map(([network, settings], index) => ({
    containerId,
    network,
    interfaceName: `eth${index}`,
    ipAddress: settings.IPAMConfig?.IPv4Address || undefined,
    macAddress: settings.MacAddress || undefined,
  }));
}

/** The networks a container is to be on; the one of its network mode first. */
export function wantedEndpoints({ hostConfig, endpoints }: ContainerRecord): [string, EndpointSettings][] {
  const primary = networkNameOf(hostConfig.NetworkMode);
  const others = Object.entries(endpoints).filter(([name]) => networkNameOf(name) !== primary);
  return [[primary, endpoints[hostConfig.NetworkMode] ?? endpoints[primary] ?? {}], ...others];
}

/** What `-p` and `-P` ask for. */
export function portRequests({ config, hostConfig }: ContainerRecord): PortRequest[] {
  const asked = Object.entries(hostConfig.PortBindings ?? {}).flatMap(([key, bindings]) => {
    const { port: containerPort, protocol } = parsePortKey(key);
    return (bindings ?? []).map(({ HostIp: hostIp, HostPort }) => {
      return { protocol, containerPort, hostIp: hostIp ?? "", hostPorts: parseHostPorts(HostPort ?? "") };
    });
  });
  if (!hostConfig.PublishAllPorts) return asked;
  const exposed = Object.keys(config.ExposedPorts ?? {}).map((key) => parsePortKey(key));
  const unbound = exposed.filter(
    ({ port, protocol }) => !asked.some((other) => other.containerPort === port && other.protocol === protocol),
  );
  return [...asked, ...unbound.map(({ port, protocol }) => ({ protocol, containerPort: port, hostIp: "" }))];
}

/** `""` and `"0"` are any port. @throws EngineError `invalid-argument`. */
function parseHostPorts(text: string): PortRequest["hostPorts"] {
  if (text === "" || text === "0") return undefined;
  const [first = "", last = first] = text.split("-");
  if (![first, last].every((port) => /^\d{1,5}$/.test(port))) {
    throw new EngineError("invalid-argument", `invalid port specification: "${text}"`);
  }
  return { first: Number(first), last: Number(last) };
}

function explainNetworkFailure(error: unknown): never {
  if (!(error instanceof EngineError)) throw error;
  const options = { cause: error, hint: error.hint };
  throw new EngineError(error.code, `failed to set up container networking: ${error.message}`, options);
}
