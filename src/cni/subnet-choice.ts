import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { IpNetwork } from "../model/ip-network.ts";
import { asObject } from "../model/json-object.ts";
import { readConflists, subnetsOf } from "./conflist.ts";
import { runToolOrThrow } from "./tool.ts";

/**
 * Where wharf's own networks get their addresses: away from what docker (172.17.0.0 and up, 192.168.0.0), nerdctl
 * (10.4.0.0), podman (10.88.0.0) and Kubernetes (10.42.0.0, 10.96.0.0, 10.244.0.0) take by themselves.
 */
export const DEFAULT_ADDRESS_POOLS: readonly string[] = ["10.201.0.0/16", "10.202.0.0/16", "172.31.0.0/16"];

const SUBNET_PREFIX_LENGTH = 20;
const SUMMARY_PREFIX_LENGTH = 15;

/**
 * Every IPv4 network that this host speaks to or has given away: its routes of all tables, its addresses even of
 * interfaces that are down, and what the CNI configurations in the given directories hand out.
 */
export async function takenSubnets(configDirs: readonly string[]): Promise<IpNetwork[]> {
  const [routes, addresses, configured] = await Promise.all([
    hostRoutes(),
    hostAddresses(),
    configuredSubnets(configDirs),
  ]);
  return [...routes, ...addresses, ...configured].flatMap(parseTaken);
}

/**
 * The first subnet of the pools that touches none of the taken.
 *
 * @throws EngineError `resource-exhausted` if the host has taken them all.
 */
export function chooseSubnet(pools: readonly string[], taken: readonly IpNetwork[]): IpNetwork {
  // A company's route for all of 10.0.0.0/8 covers every pool. It is a summary: a small piece may be shadowed if need be.
  const precise = taken.filter(({ prefixLength }) => prefixLength > SUMMARY_PREFIX_LENGTH);
  const subnet = firstFree(pools, taken) ?? firstFree(pools, precise);
  if (subnet !== undefined) return subnet;
  throw new EngineError("resource-exhausted", `every subnet of ${pools.join(", ")} is in use on this host`);
}

function firstFree(pools: readonly string[], taken: readonly IpNetwork[]): IpNetwork | undefined {
  for (const pool of pools.map((pool) => IpNetwork.parse(pool))) {
    for (const subnet of pool.split(Math.max(SUBNET_PREFIX_LENGTH, pool.prefixLength))) {
      if (!taken.some((other) => other.overlaps(subnet))) return subnet;
    }
  }
  return undefined;
}

async function hostRoutes(): Promise<string[]> {
  const routes = parseList(await runToolOrThrow("ip", ["-4", "-json", "route", "show", "table", "all"]));
  return routes.map((route) => asObject(route).dst).filter((dst) => typeof dst === "string");
}

async function hostAddresses(): Promise<string[]> {
  const links = parseList(await runToolOrThrow("ip", ["-4", "-json", "address", "show"]));
  return links
    .flatMap((link) => asObject(link).addr_info)
    .map(asObject)
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

/** nerdctl keeps the networks of other namespaces one directory deeper. */
async function configuredSubnets(directories: readonly string[]): Promise<string[]> {
  const nested = await Promise.all(directories.map(subdirectories));
  const conflists = await Promise.all([...directories, ...nested.flat()].map(readConflists));
  return conflists.flat().flatMap(subnetsOf);
}

async function subdirectories(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name));
}

/** Drops what is no network: the default route, and routes that a host uses to reach everything. */
function parseTaken(text: string): IpNetwork[] {
  if (text === "default" || text.includes(":")) return [];
  try {
    const network = IpNetwork.parse(text);
    return network.prefixLength <= 1 ? [] : [network];
  } catch {
    return [];
  }
}

function parseList(text: string): unknown[] {
  const value: unknown = text.trim() === "" ? [] : JSON.parse(text);
  return Array.isArray(value) ? value : [];
}
