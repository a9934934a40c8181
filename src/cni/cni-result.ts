import type { EndpointState } from "../model/container-record.ts";
import { isIpv4 } from "../model/ip-address.ts";
import { asObject, type JsonObject } from "../model/json-object.ts";
import type { Network } from "./network.ts";

interface ResultAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
}

/** What a network's ADD answered, as the container's end sees it. */
export function endpointOf(network: Network, result: JsonObject, interfaceName: string): EndpointState {
  const addresses = addressesOf(result);
  const ipv4 = addresses.find(({ address }) => isIpv4(address));
  const ipv6 = addresses.find(({ address }) => address.includes(":"));
  return {
    networkName: network.name,
    networkId: network.id,
    ipAddress: ipv4?.address ?? "",
    prefixLength: ipv4?.prefixLength ?? 0,
    gateway: ipv4?.gateway ?? "",
    macAddress: macAddressIn(result, interfaceName),
    ipv6Address: ipv6?.address ?? "",
    ipv6PrefixLength: ipv6?.prefixLength ?? 0,
    ipv6Gateway: ipv6?.gateway ?? "",
    interfaceName,
  };
}

/** `ips` since version 0.3 of the specification, `ip4` and `ip6` before. */
function addressesOf({ ips, ip4, ip6 }: JsonObject): ResultAddress[] {
  const current = (Array.isArray(ips) ? ips : []).map(asObject);
  const old = [ip4, ip6].map(asObject).map(({ ip, gateway }) => ({ address: ip, gateway }));
  return [...current, ...old].flatMap(({ address, gateway }) => {
    if (typeof address !== "string") return [];
    const [host = "", prefixLength = "0"] = address.split("/");
    return [{ address: host, prefixLength: Number(prefixLength), gateway: typeof gateway === "string" ? gateway : "" }];
  });
}

/** Interfaces with a sandbox are the container's; those without are the host's. */
function macAddressIn({ interfaces }: JsonObject, interfaceName: string): string {
  const own = (Array.isArray(interfaces) ? interfaces : [])
    .map(asObject)
    .find(({ name, sandbox }) => name === interfaceName && typeof sandbox === "string" && sandbox !== "");
  return typeof own?.mac === "string" ? own.mac : "";
}
