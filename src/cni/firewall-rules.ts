import type { PublishedPort } from "../model/container-record.ts";

/** A rule in the words of iptables-save, so that the rules a host has can be compared with those it should have. */
export interface Rule {
  readonly table: "nat" | "filter";
  readonly chain: string;
  /** Matches and target. */
  readonly match: string;
}

/** Ports of the host that lead into a container. */
export const PUBLISH_CHAIN = "WHARF-PUBLISH";
export const MASQUERADE_CHAIN = "WHARF-MASQUERADE";
export const FORWARD_CHAIN = "WHARF-FORWARD";
export const INPUT_CHAIN = "WHARF-INPUT";

/**
 * The jumps into wharf's chains. Nobody but the host itself may reach a port that is published on 127.0.0.1, so
 * packets that come from outside with such a destination never see the published ports.
 */
export const JUMPS: readonly Rule[] = [
  { table: "nat", chain: "PREROUTING", match: `! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j ${PUBLISH_CHAIN}` },
  { table: "nat", chain: "OUTPUT", match: `-m addrtype --dst-type LOCAL -j ${PUBLISH_CHAIN}` },
  { table: "nat", chain: "POSTROUTING", match: `-j ${MASQUERADE_CHAIN}` },
  { table: "filter", chain: "FORWARD", match: `-j ${FORWARD_CHAIN}` },
  { table: "filter", chain: "INPUT", match: `-j ${INPUT_CHAIN}` },
];

/** What lets the containers of one bridge reach the world, and the world what they publish. */
export interface NetworkRules {
  /** Traffic into the bridge, decided before any bridge's traffic out of it is accepted. */
  readonly inward: readonly Rule[];
  readonly outward: readonly Rule[];
}

export function networkRules(bridge: string, subnet: string): NetworkRules {
  const published = "-m conntrack --ctstate DNAT";
  return {
    inward: [
      forward(`-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT`),
      forward(`-i ${bridge} -o ${bridge} -j ACCEPT`),
      // What is not published stays closed, for the network's neighbours and for containers of other bridges.
      forward(`-o ${bridge} -j DROP`),
    ],
    outward: [
      forward(`-i ${bridge} -j ACCEPT`),
      masquerade(`-s ${subnet} ! -o ${bridge}`),
      // A container that speaks to a published port of its own network: the answer has to come back through the host.
      masquerade(`-s ${subnet} -o ${bridge} ${published}`),
      // The host's own 127.0.0.1, from where no container could be answered.
      masquerade(`-s 127.0.0.0/8 -o ${bridge} ${published}`),
      // The bridge routes 127.0.0.0/8 for the rule above; this keeps containers from the host's loopback services.
      {
        table: "filter",
        chain: INPUT_CHAIN,
        match: `-d 127.0.0.0/8 -i ${bridge} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
      },
    ],
  };
}

/** The rule that leads a port of the host into a container. */
export function publishRule(containerId: string, ipAddress: string, port: PublishedPort): Rule {
  const { protocol, hostIp, hostPort, containerPort } = port;
  const destination = hostIp === "0.0.0.0" || hostIp === "" ? "" : `-d ${hostIp}/32 `;
  const match = `${destination}-p ${protocol} -m ${protocol} --dport ${hostPort} -m comment --comment ${ruleOwner(containerId)}`;
  return {
    table: "nat",
    chain: PUBLISH_CHAIN,
    match: `${match} -j DNAT --to-destination ${ipAddress}:${containerPort}`,
  };
}

/** Where a published port's rule leads; undefined for other rules. */
export function publishedTo({ table, chain, match }: Rule): string | undefined {
  if (table !== "nat" || chain !== PUBLISH_CHAIN) return undefined;
  return / -j DNAT --to-destination (\d+\.\d+\.\d+\.\d+):\d+$/.exec(match)?.[1];
}

/** The comment that tells whose rule a rule is: of letters that neither iptables puts into quotes when it prints them. */
function ruleOwner(containerId: string): string {
  return `wharf-${containerId.slice(0, 12)}`;
}

function forward(match: string): Rule {
  return { table: "filter", chain: FORWARD_CHAIN, match };
}

function masquerade(match: string): Rule {
  return { table: "nat", chain: MASQUERADE_CHAIN, match: `${match} -j MASQUERADE` };
}
