import { EngineError } from "../errors.ts";

/** Where a registry's API is served, and how much its connection is trusted. */
export interface Endpoint {
  /** Scheme, host and port, without a path. */
  readonly origin: string;
  /** Certificates are not checked; only ever true for loopback. */
  readonly insecure: boolean;
}

/** Domains whose API lives on another host than their name. */
const API_HOSTS: Readonly<Record<string, string>> = { "docker.io": "registry-1.docker.io" };

/**
 * The endpoints of a registry's domain, in the order to try them. A registry on loopback is spoken to in plain HTTP,
 * or in TLS with any certificate, as docker does; every other one in TLS alone. Plain HTTP comes first because it is
 * what runs there, and because a TLS server tells a plain client at once that it is one.
 *
 * @throws EngineError `invalid-argument` for a domain that is no host.
 */
export function endpointsFor(domain: string): readonly [Endpoint, ...Endpoint[]] {
  // The grammar of references takes ports and IPv6 addresses that there are none of.
  if (!URL.canParse(`https://${domain}`)) throw new EngineError("invalid-argument", `invalid registry host: ${domain}`);
  if (isLoopback(domain)) {
    return [
      { origin: `http://${domain}`, insecure: true },
      { origin: `https://${domain}`, insecure: true },
    ];
  }
  return [{ origin: `https://${API_HOSTS[domain] ?? domain}`, insecure: false }];
}

function isLoopback(domain: string): boolean {
  const host = domain.replace(/:\d+$/, "");
  return host === "localhost" || host === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
