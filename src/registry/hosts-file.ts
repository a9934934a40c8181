import { isAbsolute, join, posix } from "node:path";
import { EngineError } from "../errors.ts";
import {
  anything,
  boolean,
  checkShape,
  list,
  mapOf,
  object,
  optional,
  type Shape,
  type Shaped,
  string,
} from "../model/json-shape.ts";
import { ALL_CAPABILITIES, type Capability, type ClientCertificate, type RegistryHost, type Trust } from "./hosts.ts";

/** containerd's `hosts.toml`: the mirrors of a registry, in order, and the registry itself. */
const stringOrList: Shape<string[]> = (value, path) =>
  typeof value === "string" ? [value] : list(string)(value, path);
const clientPairs: Shape<ClientCertificate[]> = (value, path) => {
  if (typeof value === "string") return [{ cert: value }];
  return list(stringOrList)(value, path).map(([cert = "", key]) => ({ cert, ...(key && { key }) }));
};
const hostTable = {
  capabilities: optional(list(string)),
  ca: optional(stringOrList),
  client: optional(clientPairs),
  skip_verify: optional(boolean),
  header: optional(mapOf(stringOrList)),
  override_path: optional(boolean),
};
const hostsFile = object({
  ...hostTable,
  server: optional(string),
  // Each is checked by itself, so that a message names it.
  host: optional(mapOf(anything)),
});
const host = object(hostTable);
type HostTable = Shaped<typeof host>;

/** What a `hosts.toml` says. */
export interface HostsFile {
  /** In the order to try. */
  readonly mirrors: readonly RegistryHost[];
  /** Undefined where the file leaves the registry to its name; then `trust` and `headers` are meant for that. */
  readonly server: RegistryHost | undefined;
  readonly trust: Trust;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Reads the parsed text of the `hosts.toml` of a registry's domain. Names of files in it are relative to its directory.
 *
 * @throws EngineError `invalid-argument`, naming the file.
 */
export function readHostsFile(content: unknown, path: string, domain: string): HostsFile {
  const file = checkShape(content, hostsFile, path);
  const context = { path, domain };
  const mirrors = Object.entries(file.host ?? {}).map(([address, table]) =>
    configuredHost(address, checkShape(table, host, `${path}: host ${JSON.stringify(address)}`), context),
  );
  return {
    mirrors,
    server: file.server ? configuredHost(file.server, file, context) : undefined,
    trust: trustOf(file, path),
    headers: headersOf(file),
  };
}

interface FileContext {
  readonly path: string;
  readonly domain: string;
}

function configuredHost(address: string, table: HostTable, { path, domain }: FileContext): RegistryHost {
  const { origin, path: apiPath } = parseHostAddress(address, { isWholePath: table.override_path ?? false, path });
  return {
    origins: [origin],
    path: apiPath,
    capabilities: capabilitiesOf(table, path),
    trust: trustOf(table, path),
    headers: headersOf(table),
    isMirror: isMirrorOf(domain, origin),
    source: path,
  };
}

/** True for a host that serves a registry's images under another name. */
export function isMirrorOf(domain: string, origin: string): boolean {
  const { host: name } = new URL(origin);
  return name !== domain && !(domain === "docker.io" && name === "registry-1.docker.io");
}

/**
 * Reads a host's address, `https://` where it has no scheme. The API's path is `/v2` below the address's own, unless that
 * ends so or is meant to be the whole of it.
 *
 * @throws EngineError `invalid-argument`, naming the file.
 */
export function parseHostAddress(
  address: string,
  { isWholePath, path }: { readonly isWholePath: boolean; readonly path: string },
): { readonly origin: string; readonly path: string } {
  const withScheme = address.includes("://") ? address : `https://${address}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if ((url?.protocol !== "https:" && url?.protocol !== "http:") || url.hostname === "") {
    throw new EngineError("invalid-argument", `${path}: ${JSON.stringify(address)} is not the address of a host`);
  }
  const own = posix.normalize(url.pathname).replace(/\/+$/, "");
  return { origin: url.origin, path: isWholePath || own.endsWith("/v2") ? own : `${own}/v2` };
}

function capabilitiesOf({ capabilities = [] }: HostTable, path: string): ReadonlySet<Capability> {
  if (capabilities.length === 0) return ALL_CAPABILITIES;
  const known: ReadonlySet<string> = ALL_CAPABILITIES;
  const unknown = capabilities.find((capability) => !known.has(capability.toLowerCase()));
  if (unknown !== undefined) throw new EngineError("invalid-argument", `${path}: unknown capability ${unknown}`);
  return new Set(capabilities.map((capability) => capability.toLowerCase() as Capability));
}

function trustOf({ ca, client, skip_verify: skipVerify }: HostTable, path: string): Trust {
  const absolute = (file: string) => (isAbsolute(file) ? file : join(path, "..", file));
  return {
    ...(skipVerify && { skipVerify: "redirects" as const }),
    ...(ca && { ca: ca.map(absolute) }),
    ...(client && {
      clients: client.map(({ cert, key }) => ({ cert: absolute(cert), ...(key && { key: absolute(key) }) })),
    }),
  };
}

function headersOf({ header = {} }: HostTable): Record<string, string> {
  return Object.fromEntries(Object.entries(header).map(([name, values]) => [name.toLowerCase(), values.join(", ")]));
}
