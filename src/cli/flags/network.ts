import type { InferredFlags } from "@oclif/core/interfaces";
import { EngineError } from "../../errors.ts";
import type { EndpointSettings } from "../../model/container-config.ts";
import type { LooseCreateBody } from "../../model/create-body.ts";
import { parseDnsSearch, parseDnsServer, parseExtraHost } from "../../model/extra-host.ts";
import {
  endpointSettings,
  type NetworkAttachment,
  parseMacAddress,
  parseNetwork,
} from "../../model/network-attachment.ts";
import { parseExpose, parsePublish, portBindings } from "../../model/port-spec.ts";
import { Flags } from "../parameters.ts";

/** How a container is reached, and whom it knows. */
export const networkFlags = {
  network: Flags.of(parseNetwork)({
    aliases: ["net"],
    multiple: true,
    helpValue: "network",
    summary: "Connect a container to a network",
  }),
  ip: Flags.string({ helpValue: "string", summary: "IPv4 address (e.g., 172.30.100.104)" }),
  ip6: Flags.string({ helpValue: "string", summary: "IPv6 address (e.g., 2001:db8::33)" }),
  "link-local-ip": Flags.string({
    multiple: true,
    helpValue: "list",
    summary: "Container IPv4/IPv6 link-local addresses",
  }),
  "mac-address": Flags.string({
    helpValue: "string",
    summary: "Container MAC address (e.g., 92:d0:c6:0a:29:33)",
  }),
  "network-alias": Flags.string({
    aliases: ["net-alias"],
    multiple: true,
    helpValue: "list",
    summary: "Add network-scoped alias for the container",
  }),
  link: Flags.string({ multiple: true, helpValue: "list", summary: "Add link to another container" }),
  publish: Flags.string({
    char: "p",
    multiple: true,
    helpValue: "list",
    summary: "Publish a container's port(s) to the host",
  }),
  "publish-all": Flags.boolean({ char: "P", summary: "Publish all exposed ports to random ports" }),
  expose: Flags.string({ multiple: true, helpValue: "list", summary: "Expose a port or a range of ports" }),
  "add-host": Flags.of(parseExtraHost)({
    multiple: true,
    helpValue: "list",
    summary: "Add a custom host-to-IP mapping (host:ip)",
  }),
  dns: Flags.of(parseDnsServer)({ multiple: true, helpValue: "list", summary: "Set custom DNS servers" }),
  "dns-option": Flags.string({
    aliases: ["dns-opt"],
    multiple: true,
    helpValue: "list",
    summary: "Set DNS options",
  }),
  "dns-search": Flags.of(parseDnsSearch)({
    multiple: true,
    helpValue: "list",
    summary: "Set custom DNS search domains",
  }),
};

type NetworkFlags = InferredFlags<typeof networkFlags>;

/** Networks, addresses and ports, as the API has them. */
export function networkBody(flags: NetworkFlags): LooseCreateBody {
  const published = (flags.publish ?? []).flatMap(parsePublish);
  const exposed = [
    ...published.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`),
    ...(flags.expose ?? []).flatMap(parseExpose),
  ];
  const attachments = attachmentsOf(flags);
  return {
    ...(exposed.length > 0 && { ExposedPorts: Object.fromEntries(exposed.map((port) => [port, {}])) }),
    HostConfig: {
      NetworkMode: attachments[0]?.network ?? "default",
      PortBindings: portBindings(published),
      PublishAllPorts: flags["publish-all"],
      Dns: flags.dns ?? [],
      DnsOptions: flags["dns-option"] ?? [],
      DnsSearch: flags["dns-search"] ?? [],
      ExtraHosts: flags["add-host"] ?? null,
      Links: flags.link ?? null,
    },
    NetworkingConfig: { EndpointsConfig: endpointsOf(attachments) },
  };
}

/** The networks, the first of them with what the flags for a single network say. */
function attachmentsOf(flags: NetworkFlags): readonly NetworkAttachment[] {
  const [first = parseNetwork("default"), ...others] = flags.network ?? [];
  return [withSingleNetworkFlags(first, flags), ...others];
}

function withSingleNetworkFlags(attachment: NetworkAttachment, flags: NetworkFlags): NetworkAttachment {
  const conflicts: readonly (readonly [flag: string, given: boolean, field: string, inAttachment: boolean])[] = [
    ["network-alias", flags["network-alias"] !== undefined, "alias", attachment.aliases.length > 0],
    ["ip", flags.ip !== undefined, "IPv4 address", attachment.ipv4Address !== ""],
    ["ip6", flags.ip6 !== undefined, "IPv6 address", attachment.ipv6Address !== ""],
    ["mac-address", flags["mac-address"] !== undefined, "MAC address", attachment.macAddress !== ""],
    [
      "link-local-ip",
      flags["link-local-ip"] !== undefined,
      "link-local IP addresses",
      attachment.linkLocalAddresses.length > 0,
    ],
  ];
  const clash = conflicts.find(([, given, , inAttachment]) => given && inAttachment);
  if (clash !== undefined) {
    throw invalid(`conflicting options: cannot specify both --${clash[0]} and per-network ${clash[2]}`);
  }
  return {
    ...attachment,
    aliases: flags["network-alias"] ?? attachment.aliases,
    ipv4Address: flags.ip ?? attachment.ipv4Address,
    ipv6Address: flags.ip6 ?? attachment.ipv6Address,
    macAddress: flags["mac-address"] ?? attachment.macAddress,
    linkLocalAddresses: flags["link-local-ip"] ?? attachment.linkLocalAddresses,
  };
}

function endpointsOf(attachments: readonly NetworkAttachment[]): Record<string, EndpointSettings> {
  const endpoints = new Map<string, EndpointSettings>();
  for (const attachment of attachments) {
    const { network, aliases, macAddress } = attachment;
    if (network === "") throw invalid("no name set for network");
    if (endpoints.has(network)) throw invalid(`network "${network}" is specified multiple times`);
    if (aliases.length > 0 && !isUserDefined(network)) {
      throw invalid("network-scoped aliases are only supported for user-defined networks");
    }
    parseMacAddress(macAddress);
    endpoints.set(network, endpointSettings(attachment));
  }
  const names = [...endpoints.keys()];
  if (names.some(isUserDefined) && !names.every(isUserDefined)) {
    throw invalid("conflicting options: cannot attach both user-defined and non-user-defined network-modes");
  }
  return Object.fromEntries(endpoints);
}

/** True for a network that somebody made, as opposed to docker's modes. */
function isUserDefined(network: string): boolean {
  return !["default", "bridge", "host", "none"].includes(network) && !network.startsWith("container:");
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
