import { EngineError } from "../errors.ts";
import type { Reference } from "../model/reference.ts";
import { ACCEPTED_MANIFESTS } from "./accepted-manifests.ts";
import type { FoundCredentials } from "./credentials.ts";
import type { Capability, RegistryHost } from "./hosts.ts";
import { type Environment, proxyFor, shownProxy } from "./proxy.ts";
import { credentialDomain, type RegistrySession, type RequestOptions } from "./session.ts";

/** How one host would be spoken to, and what it answered. Nothing secret is in it. */
export interface ExplainedHost {
  /** The API's address; both where it is not known whether TLS is spoken, and the host has not answered. */
  readonly urls: readonly string[];
  readonly role: "mirror" | "registry";
  readonly capabilities: readonly Capability[];
  /** The file or setting that names it. */
  readonly configuredBy: string | undefined;
  readonly tls: "none" | "verified" | "not verified" | "unknown";
  /** Files of authorities beside the system's, and of certificates that we show. */
  readonly authorities: readonly string[];
  readonly clientCertificates: readonly string[];
  /** Names of headers that the configuration adds. */
  readonly headers: readonly string[];
  readonly proxy: string | undefined;
  readonly credentials: ExplainedCredentials | undefined;
  /** What it answered to a question for the image; undefined where it is not there for that. */
  readonly status: number | undefined;
  /** What the image's reference points at there. */
  readonly digest: string | undefined;
  /** Why it could not be asked. */
  readonly failure: string | undefined;
  readonly rateLimits: Readonly<Record<string, string>>;
}

export interface ExplainedCredentials {
  readonly source: string;
  readonly type: FoundCredentials["credentials"]["type"];
  readonly username: string | undefined;
}

export interface RegistryExplanation {
  readonly reference: string;
  readonly registry: string;
  readonly repository: string;
  /** In the order to ask. */
  readonly hosts: readonly ExplainedHost[];
  /** Of the host that would serve the image; undefined when none does. */
  readonly chosen: number | undefined;
}

/** Prefixes of the headers in which registries say how much one may still pull. */
const RATE_LIMIT_HEADERS = ["ratelimit", "x-ratelimit", "docker-ratelimit", "retry-after"];

/** Asks every host of a reference for it, as a pull would, and says how and with what result. Throws for no failing host. */
export async function explainRegistry(
  session: RegistrySession,
  reference: Reference,
  { environment, signal }: RequestOptions & { readonly environment: Environment },
): Promise<RegistryExplanation> {
  const { domain, path } = reference;
  const hosts: ExplainedHost[] = [];
  for (const host of await session.options.hosts.hostsOf(domain)) {
    hosts.push(await explainHost(session, host, reference, { environment, signal }));
  }
  const chosen = hosts.findIndex(({ status }) => status === 200);
  return {
    reference: reference.toString(),
    registry: domain,
    repository: path,
    hosts,
    chosen: chosen < 0 ? undefined : chosen,
  };
}

async function explainHost(
  session: RegistrySession,
  host: RegistryHost,
  reference: Reference,
  { environment, signal }: RequestOptions & { readonly environment: Environment },
): Promise<ExplainedHost> {
  const answer = await askFor(session, host, reference, { signal });
  const answered = session.originOf(host);
  const origins = answered === undefined ? host.origins : [answered];
  const proxy = proxyFor(new URL(origins[0] ?? host.origins[0]), environment);
  const { trust } = host;
  return {
    urls: origins.map((origin) => origin + host.path),
    role: host.isMirror ? "mirror" : "registry",
    capabilities: [...host.capabilities],
    configuredBy: host.source,
    tls: tlsOf(origins, host),
    authorities: trust.ca ?? [],
    clientCertificates: (trust.clients ?? []).map(({ cert }) => cert),
    headers: Object.keys(host.headers),
    proxy: proxy && shownProxy(proxy),
    ...answer,
  };
}

type Answer = Pick<ExplainedHost, "credentials" | "status" | "digest" | "failure" | "rateLimits">;

async function askFor(
  session: RegistrySession,
  host: RegistryHost,
  reference: Reference,
  options: RequestOptions,
): Promise<Answer> {
  const nothing = { credentials: undefined, status: undefined, digest: undefined, failure: undefined, rateLimits: {} };
  const capability: Capability = reference.digest === undefined ? "resolve" : "pull";
  try {
    const domain = credentialDomain(host, host.origins[0], reference.domain);
    const credentials = explained(await session.options.credentials.find(domain));
    if (!host.capabilities.has(capability)) return { ...nothing, credentials };
    try {
      const path = `manifests/${reference.digest ?? reference.tag ?? "latest"}`;
      const headers = { accept: ACCEPTED_MANIFESTS };
      const response = await session.requestAt(host, reference, { method: "HEAD", path, headers, capability }, options);
      await response.discard();
      return {
        credentials,
        status: response.status,
        digest: response.header("docker-content-digest"),
        failure: undefined,
        rateLimits: Object.assign({}, ...RATE_LIMIT_HEADERS.map((name) => response.headersNamed(name))),
      };
    } catch (error) {
      return { ...nothing, credentials, failure: messageOf(error, options) };
    }
  } catch (error) {
    return { ...nothing, failure: messageOf(error, options) };
  }
}

function messageOf(error: unknown, { signal }: RequestOptions): string {
  if (!(error instanceof EngineError) || signal.aborted) throw error;
  return error.message;
}

function explained(found: FoundCredentials | undefined): ExplainedCredentials | undefined {
  if (found === undefined) return undefined;
  const { credentials, source } = found;
  const username = credentials.type === "registry-token" ? undefined : credentials.username;
  return { source, type: credentials.type, username };
}

function tlsOf(origins: readonly string[], { trust }: RegistryHost): ExplainedHost["tls"] {
  const schemes = new Set(origins.map((origin) => origin.split(":", 1)[0]));
  if (schemes.size > 1) return "unknown";
  if (schemes.has("http")) return "none";
  return trust.skipVerify === undefined ? "verified" : "not verified";
}
