import { faultPoint } from "../../fault-point.ts";
import type { ContainerRecord, EndpointState } from "../../model/container-record.ts";
import { HOST_GATEWAY, splitExtraHost } from "../../model/extra-host.ts";
import type { SpecInput } from "../../spec/spec-input.ts";
import type { Engine } from "../engine.ts";
import { hasOwnNetworks } from "./connect.ts";
import { sharedContainerOf } from "./shared-namespaces.ts";

type FilesEngine = Pick<Engine, "networks" | "store">;

/**
 * Writes a container's hostname, hosts and resolv.conf, in place, so that a running container sees them change; and
 * tells where they are. A container that joins another's network sees that one's files.
 */
export async function writeEtcFiles(
  { networks, store }: FilesEngine,
  { id, record }: { readonly id: string; readonly record: ContainerRecord },
  endpoints: readonly EndpointState[],
): Promise<SpecInput["etcFiles"]> {
  const { config, hostConfig } = record;
  const sharer = sharedContainerOf(hostConfig.NetworkMode);
  if (sharer !== undefined) return store.containerFiles.paths(sharer);
  const hostAddress = async () => {
    if (hostConfig.NetworkMode === "host") return "127.0.0.1";
    return endpoints[0]?.gateway || (await networks.resolve("bridge")).gateway;
  };
  const extra = (hostConfig.ExtraHosts ?? []).map(splitExtraHost);
  const gateway = extra.some(({ address }) => address === HOST_GATEWAY) ? await hostAddress() : "";
  faultPoint("start.etc-files-begun");
  return await store.containerFiles.prepare(id, {
    hostname: config.Hostname,
    ownNetwork: hasOwnNetworks(hostConfig) || hostConfig.NetworkMode === "none",
    dns: { servers: hostConfig.Dns ?? [], search: hostConfig.DnsSearch ?? [], options: hostConfig.DnsOptions ?? [] },
    hosts: [
      ...extra.map(({ name, address }) => ({ address: address === HOST_GATEWAY ? gateway : address, names: [name] })),
      ...endpoints.map(({ ipAddress }) => ({ address: ipAddress, names: ownNames(config) })),
    ],
  });
}

function ownNames({ Hostname, Domainname }: ContainerRecord["config"]): string[] {
  return Domainname === "" ? [Hostname] : [`${Hostname}.${Domainname}`, Hostname];
}
