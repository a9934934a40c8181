/** True for `192.0.2.1`, without leading zeros, as Go's `net.ParseIP` has it. */
export function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** True for an IPv6 address without brackets and zone, in any of its spellings. */
export function isIpv6(text: string): boolean {
  const lastColon = text.lastIndexOf(":");
  const embedded = text.slice(lastColon + 1);
  const address = isIpv4(embedded) ? `${text.slice(0, lastColon)}:0:0` : text;
  if (!/^[\da-fA-F:]+$/.test(address)) return false;
  const halves = address.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  if (groups.some((group) => !/^[\da-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}

/** True for an address of either family. */
export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}
