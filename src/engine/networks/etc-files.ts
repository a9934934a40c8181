import type { ContainerRecord, EndpointState } from "../../model/container-record.ts";
import { HOST_GATEWAY, splitExtraHost } from "../../model/extra-host.ts";
import type { EtcFiles } from "../../store/container-files.ts";
import type { HostEntry } from "../../store/hosts-file.ts";
import type { Engine } from "../engine.ts";

export interface EtcFilesRequest {
  readonly containerId: string;
  readonly record: Pick<ContainerRecord, "config" | "hostConfig">;
  /** The name that the container gives itself. */
  readonly hostname: string;
  readonly endpoints: readonly EndpointState[];
}

/**
 * Writes the hostname, hosts and resolv.conf of a container, once its addresses are known. A container in another's
 * network uses the other's files instead.
 */
export async function writeEtcFiles(
  { networks, store }: Pick<Engine, "networks" | "store">,
  { containerId, record, hostname, endpoints }: EtcFilesRequest,
): Promise<EtcFiles> {
  const { hostConfig, config } = record;
  const extraHosts = (hostConfig.ExtraHosts ?? []).map(splitExtraHost);
  const ownNetwork = hostConfig.NetworkMode !== "host";
  const hostAddress = async (): Promise<string> => {
    if (!ownNetwork) return "127.0.0.1";
    return endpoints[0]?.gateway || (await networks.resolve("bridge")).gateway;
  };
  const gateway = extraHosts.some(({ address }) => address === HOST_GATEWAY) ? await hostAddress() : "";
  const ownNames = config.Domainname === "" ? [hostname] : [`${hostname}.${config.Domainname}`, hostname];
  const hosts: HostEntry[] = [
    ...extraHosts.map(({ name, address }) => ({
      address: address === HOST_GATEWAY ? gateway : address,
      names: [name],
    })),
    ...endpoints
      .flatMap(({ ipAddress, ipv6Address }) => [ipAddress, ipv6Address])
      .filter((address) => address !== "")
      .map((address) => ({ address, names: ownNames })),
  ];
  const dns = { servers: hostConfig.Dns, search: hostConfig.DnsSearch, options: hostConfig.DnsOptions };
  return await store.containerFiles.prepare(containerId, { hostname, ownNetwork, dns, hosts });
}
