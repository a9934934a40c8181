import { mapOf, object, optional, parseShaped, type Shape, string } from "../model/json-shape.ts";
import type { Credentials } from "./credentials.ts";

/** One registry's entry in `auths` of docker's `config.json`. */
export interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

/** The part of docker's `config.json` that says who we are. */
export interface DockerConfig {
  readonly auths?: Readonly<Record<string, AuthEntry>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

const text = optional(string);
const authEntry = object({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
}) satisfies Shape<AuthEntry>;
const dockerConfig = optional(
  object({
    auths: optional(mapOf((value, path) => optional(authEntry)(value, path) ?? {})),
    credsStore: text,
    credHelpers: optional(mapOf(string)),
  }),
) satisfies Shape<DockerConfig | undefined>;

/** Docker Hub's key, which kept the address of the first version of its API. */
export const DOCKER_HUB_KEY = "https://index.docker.io/v1/";
/** Ports that an address need not name. */
const DEFAULT_PORT = /:(?:443|80)$/;

/** Reads the text of a `config.json`. @throws EngineError `invalid-argument`, naming the file and quoting nothing. */
export function parseDockerConfig(text: string, path: string): DockerConfig {
  return parseShaped(text, dockerConfig, path) ?? {};
}

/** The credentials that the text of a `config.json` holds under a key. @throws EngineError `invalid-argument`, naming the file. */
export function dockerConfigCredentials(text: string, path: string, key: string): Credentials | undefined {
  return credentialsIn(parseDockerConfig(text, path), key)?.credentials;
}

/** The credentials of the file's entry for a key, and that entry's own key. */
export function credentialsIn(
  { auths = {} }: DockerConfig,
  key: string,
): { readonly key: string; readonly credentials: Credentials } | undefined {
  const found = findKey(auths, key);
  const credentials = fromEntry(found === undefined ? undefined : auths[found]);
  return found === undefined || credentials === undefined ? undefined : { key: found, credentials };
}

/** The helper that has a registry's credentials: its own before the one for all. */
export function helperFor({ credHelpers = {}, credsStore }: DockerConfig, key: string): string | undefined {
  const own = findKey(credHelpers, key);
  return (own === undefined ? undefined : credHelpers[own]) || credsStore || undefined;
}

/** The file's entry for credentials, as docker writes it. */
export function entryOf(credentials: Credentials): AuthEntry {
  switch (credentials.type) {
    case "password":
      return { auth: encodePair(credentials.username, credentials.password) };
    case "identity-token":
      return { auth: encodePair(credentials.username ?? "<token>", ""), identitytoken: credentials.token };
    case "registry-token":
      return { registrytoken: credentials.token };
  }
}

function encodePair(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}

/** A registry's key in docker's files: its host, or Docker Hub's old address. */
export function keyOfDomain(domain: string): string {
  return domain === "docker.io" ? DOCKER_HUB_KEY : domain;
}

/** What docker stores an address under that a user typed: its host and port alone. */
export function keyOfAddress(address: string): string {
  if (address === "" || address === "docker.io" || address === DOCKER_HUB_KEY) return DOCKER_HUB_KEY;
  if (address.includes("://") && URL.canParse(address)) {
    const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/?#]+)/i.exec(address)?.[1];
    if (host !== undefined) return host;
  }
  return address.split("/", 1)[0] ?? address;
}

/**
 * Finds an entry by its key, or by the host in its key, as older versions of docker wrote whole addresses; at last by
 * the host alone where one of both names the usual port.
 */
function findKey(entries: Readonly<Record<string, unknown>>, key: string): string | undefined {
  if (Object.hasOwn(entries, key)) return key;
  const host = hostOf(key);
  const keys = Object.keys(entries);
  return (
    keys.find((candidate) => hostOf(candidate) === host) ??
    keys.find((candidate) => withoutDefaultPort(candidate) === withoutDefaultPort(key))
  );
}

function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, "").split("/", 1)[0] ?? "";
  return host === "docker.io" ? "index.docker.io" : host;
}

function withoutDefaultPort(key: string): string {
  return hostOf(key).replace(DEFAULT_PORT, "");
}

function fromEntry(entry: AuthEntry | undefined): Credentials | undefined {
  if (!entry) {
    return undefined;
  }
  if (entry.identitytoken) {
    return { type: "identity-token", token: entry.identitytoken };
  }
  if (entry.registrytoken) {
    return { type: "registry-token", token: entry.registrytoken };
  }
  const decoded = entry.auth ? Buffer.from(entry.auth, "base64").toString("utf8") : "";
  const colon = decoded.indexOf(":");
  const username = colon > 0 ? decoded.slice(0, colon) : entry.username;
  // docker pads the password with NUL bytes in some files.
  const password = colon > 0 ? decoded.slice(colon + 1).replace(/\0+$/, "") : entry.password;
  return username && password ? { type: "password", username, password } : undefined;
}
