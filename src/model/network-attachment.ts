import { EngineError } from "../errors.ts";
import type { EndpointSettings } from "./container-config.ts";
import { splitCsv } from "./csv.ts";
import { splitKeyValue } from "./key-values.ts";

/** One `--network`: which network, and as whom. */
export interface NetworkAttachment {
  readonly network: string;
  readonly aliases: readonly string[];
  readonly ipv4Address: string;
  readonly ipv6Address: string;
  readonly linkLocalAddresses: readonly string[];
  readonly macAddress: string;
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly gatewayPriority: number;
}

const PLAIN: Omit<NetworkAttachment, "network"> = {
  aliases: [],
  ipv4Address: "",
  ipv6Address: "",
  linkLocalAddresses: [],
  macAddress: "",
  driverOptions: {},
  gatewayPriority: 0,
};

/**
 * Reads a `--network`: a name or mode alone, or `name=front,alias=web,ip=10.4.0.9`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseNetwork(text: string): NetworkAttachment {
  if (!/(^|,)\s*[\w-]+=/.test(text)) return { ...PLAIN, network: text };
  const fields: { -readonly [K in keyof NetworkAttachment]: NetworkAttachment[K] } = { ...PLAIN, network: "" };
  for (const field of splitCsv(text)) {
    const split = splitKeyValue(field);
    const key = split.key.trim().toLowerCase();
    const value = split.value?.trim();
    if (value === undefined || key === "") throw invalid(`invalid field ${field}`);
    switch (key) {
      case "name":
        fields.network = value;
        break;
      case "alias":
        fields.aliases = [...fields.aliases, value];
        break;
      case "ip":
        fields.ipv4Address = value;
        break;
      case "ip6":
        fields.ipv6Address = value;
        break;
      case "link-local-ip":
        fields.linkLocalAddresses = [...fields.linkLocalAddresses, value];
        break;
      case "mac-address":
        fields.macAddress = value;
        break;
      case "driver-opt":
        fields.driverOptions = { ...fields.driverOptions, ...parseDriverOption(value) };
        break;
      case "gw-priority":
        fields.gatewayPriority = parsePriority(value);
        break;
      default:
        throw invalid(`invalid field key ${key}`);
    }
  }
  if (fields.network === "") throw invalid("network name/id is not specified");
  return fields;
}

/** The attachment as the API has it; empty parts are left out. */
export function endpointSettings(attachment: NetworkAttachment): EndpointSettings {
  const { aliases, ipv4Address, ipv6Address, linkLocalAddresses, macAddress, driverOptions } = attachment;
  const hasAddress = ipv4Address !== "" || ipv6Address !== "" || linkLocalAddresses.length > 0;
  return {
    ...(aliases.length > 0 && { Aliases: aliases }),
    ...(hasAddress && {
      IPAMConfig: {
        ...(ipv4Address !== "" && { IPv4Address: ipv4Address }),
        ...(ipv6Address !== "" && { IPv6Address: ipv6Address }),
        ...(linkLocalAddresses.length > 0 && { LinkLocalIPs: linkLocalAddresses }),
      },
    }),
    ...(macAddress !== "" && { MacAddress: macAddress }),
    ...(Object.keys(driverOptions).length > 0 && { DriverOpts: driverOptions }),
    ...(attachment.gatewayPriority !== 0 && { GwPriority: attachment.gatewayPriority }),
  };
}

/**
 * Checks a hardware address, six octets: `02:42:ac:11:00:02`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseMacAddress(text: string): string {
  if (/^[\da-f]{2}([:-][\da-f]{2}){5}$/i.test(text.trim()) || text === "") return text.trim();
  throw invalid(`${text} is not a valid mac address`);
}

function parseDriverOption(text: string): Record<string, string> {
  const { key, value } = splitKeyValue(text);
  if (value === undefined || key === "") throw invalid("invalid key value pair format in driver options");
  return { [key.trim().toLowerCase()]: value.trim() };
}

function parsePriority(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw invalid(`invalid gw-priority (${text}): invalid syntax`);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
