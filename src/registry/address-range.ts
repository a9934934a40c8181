import { BlockList, isIP } from "node:net";

/** Whether an address lies in a range in CIDR notation, of IPv4 or IPv6; false when either is none. */
export function isInRange(address: string, range: string): boolean {
  const [network = "", length = ""] = range.split("/");
  const version = isIP(network);
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (version === 0 || isIP(address) !== version || !(bits <= (version === 4 ? 32 : 128))) return false;
  const family = version === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(address, family);
}

/** A URL's or a domain's host without its port, and without the brackets of an IPv6 address. */
export function bareHost(host: string): string {
  return host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}
