import { EngineError } from "../errors.ts";

/** What a host may be asked for: what a tag points at, content, and to take content. */
export type Capability = "resolve" | "pull" | "push";

export const ALL_CAPABILITIES: ReadonlySet<Capability> = new Set<Capability>(["resolve", "pull", "push"]);

/** Whom a host has to be, and who we are to it, in files. */
export interface Trust {
  /**
   * Take any certificate: of this host, or also of those that it redirects to. What comes from them is checked by its
   * digest; credentials go to none of them.
   */
  readonly skipVerify?: "host" | "redirects";
  /** PEM files of authorities, beside the system's. */
  readonly ca?: readonly string[];
  /** PEM files of certificates that we show; without a key file, it is in the same one. */
  readonly clients?: readonly ClientCertificate[];
}

export interface ClientCertificate {
  readonly cert: string;
  readonly key?: string;
}

/** One host that serves a registry's images: the registry itself, or a mirror of it. */
export interface RegistryHost {
  /**
   * Schemes, hosts and ports without a path, in the order to try: more than one only where it is not known whether TLS
   * is spoken.
   */
  readonly origins: readonly [string, ...string[]];
  /** Where repositories begin: `/v2`, or what a configuration has in its place. */
  readonly path: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly trust: Trust;
  /** Sent with every request to this host, and to no other. */
  readonly headers: Readonly<Record<string, string>>;
  /** True when the host serves images of another registry, which each request then names. */
  readonly isMirror: boolean;
  /** The file or setting that names it; undefined for what a registry's name alone says. */
  readonly source: string | undefined;
}

/** Domains whose API lives on another host than their name. */
const API_HOSTS: Readonly<Record<string, string>> = { "docker.io": "registry-1.docker.io" };
const API_PATH = "/v2";

/** What else is known of a registry beside its name. */
export interface DomainFacts {
  /** Spoken to without TLS, or with any certificate: by the user's wish. */
  readonly insecure?: boolean;
  readonly trust?: Trust;
  readonly source?: string | undefined;
}

/**
 * The host that a registry's domain itself names. A registry on loopback is spoken to in plain HTTP, or in TLS with any
 * certificate, as docker does; every other one in TLS alone. On loopback plain HTTP comes first because it is what runs
 * there, and because a TLS server tells a plain client at once that it is one; a registry that has been called insecure,
 * or whose authority is known, is tried in TLS first.
 *
 * @throws EngineError `invalid-argument` for a domain that is no host.
 */
export function hostOfDomain(domain: string, facts: DomainFacts = {}): RegistryHost {
  // The grammar of references takes ports and IPv6 addresses that there are none of.
  if (!URL.canParse(`https://${domain}`)) throw new EngineError("invalid-argument", `invalid registry host: ${domain}`);
  const host = API_HOSTS[domain] ?? domain;
  const { insecure = false, trust = {}, source } = facts;
  const [http, https] = [`http://${host}`, `https://${host}`];
  const knowsAuthority = trust.ca !== undefined || trust.clients !== undefined;
  const common = { path: API_PATH, capabilities: ALL_CAPABILITIES, headers: {}, isMirror: false, source };
  if (insecure) return { ...common, origins: [https, http], trust: { ...trust, skipVerify: "host" } };
  if (!isLoopback(domain)) return { ...common, origins: [https], trust };
  if (knowsAuthority) return { ...common, origins: [https, http], trust };
  return { ...common, origins: [http, https], trust: { skipVerify: "host" } };
}

/** The domain whose credentials are a host's: Docker Hub's API has another name than Docker Hub. */
export function domainOfOrigin(origin: string): string {
  const { host } = new URL(origin);
  return Object.entries(API_HOSTS).find(([, apiHost]) => apiHost === host)?.[0] ?? host;
}

/** True for a host, with or without a port, that is this machine. */
export function isLoopback(domain: string): boolean {
  const host = domain.replace(/:\d+$/, "");
  return host === "localhost" || host === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
