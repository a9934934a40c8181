import type { ContainerRecord, EndpointState, PublishedPort } from "../../model/container-record.ts";
import type { Engine, OperationContext } from "../engine.ts";
import { Rollback } from "../rollback.ts";
import { portRequests } from "./port-requests.ts";

export interface AttachNetworksRequest {
  readonly containerId: string;
  readonly record: Pick<ContainerRecord, "config" | "hostConfig" | "endpoints">;
}

/** Where a container is on the network; what `ContainerState` keeps, and `detachNetworks` takes back. */
export interface AttachedNetworks {
  /** `""` for a container without a network namespace of wharf's making. */
  readonly netnsPath: string;
  readonly endpoints: readonly EndpointState[];
  readonly ports: readonly PublishedPort[];
}

/**
 * Claims a container's ports, makes its network namespace and attaches it to its networks. Containers in the host's or
 * another container's network, and those without any, get nothing, and their ports are not published.
 *
 * @throws EngineError `conflict` for a port or address in use, and as `PortClaims.claim` and `Networks.attach` do.
 * Nothing is left of a failed attempt.
 */
export async function attachNetworks(
  { networks }: Pick<Engine, "networks">,
  { containerId, record }: AttachNetworksRequest,
  { signal }: Pick<OperationContext, "signal">,
): Promise<AttachedNetworks> {
  const names = networkNames(record);
  if (names.length === 0) return { netnsPath: "", endpoints: [], ports: [] };
  await using rollback = new Rollback();
  const ports = await networks.ports.claim(portRequests({ ...record.config, ...record.hostConfig }));
  rollback.defer(() => networks.ports.release(ports));
  const netnsPath = await networks.createSandbox(containerId);
  const endpoints: EndpointState[] = [];
  rollback.defer(() => networks.detach({ containerId, netnsPath, endpoints }));
  for (const [index, network] of names.entries()) {
    const settings = record.endpoints[network] ?? (index === 0 ? record.endpoints.default : undefined);
    const request = {
      containerId,
      netnsPath,
      network,
      interfaceName: `eth${index}`,
      ipAddress: settings?.IPAMConfig?.IPv4Address || undefined,
      macAddress: settings?.MacAddress || undefined,
      ports: index === 0 ? ports : [],
    };
    endpoints.push(await networks.attach(request, signal));
    signal.throwIfAborted();
  }
  rollback.commit();
  return { netnsPath, endpoints, ports };
}

/** The networks that a container joins in a network namespace of its own; the first gives the default route. */
export function networkNames({ hostConfig, endpoints }: Pick<ContainerRecord, "hostConfig" | "endpoints">): string[] {
  const mode = hostConfig.NetworkMode;
  if (mode === "none" || mode === "host" || mode.startsWith("container:")) return [];
  const first = mode === "" || mode === "default" ? "bridge" : mode;
  const others = Object.keys(endpoints).filter((name) => name !== first && name !== "default");
  return [first, ...others];
}
