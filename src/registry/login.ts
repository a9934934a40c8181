import { EngineError } from "../errors.ts";
import type { Credentials } from "./credentials.ts";
import { fromFailedResponse } from "./errors.ts";
import { openSession, type RegistryOptions } from "./open-session.ts";
import type { RequestOptions } from "./session.ts";

/**
 * Proves credentials to a registry, and returns what to keep of them: a token that buys others, where its token server
 * gives one in exchange, or themselves.
 *
 * @throws EngineError `unauthenticated` when the registry refuses them, `unavailable` when it cannot be reached.
 */
export async function proveCredentials(
  options: RegistryOptions,
  { domain, credentials }: { readonly domain: string; readonly credentials: Credentials },
  { signal }: RequestOptions,
): Promise<Credentials> {
  let refreshToken: string | undefined;
  const given = { credentials, source: "the command line" };
  const session = await openSession(options, {
    credentials: { get: async () => credentials, find: async () => given },
    onRefreshToken: (token) => {
      refreshToken = token;
    },
  });
  try {
    // It is the registry that is logged in to, not one of its mirrors.
    const hosts = await session.options.hosts.hostsOf(domain);
    const host = hosts.at(-1);
    if (host === undefined) throw new EngineError("failed-precondition", `no host of registry ${domain} is configured`);
    const response = await session.requestHost(host, { path: `${host.path}/`, domain, scopes: [] }, { signal });
    const { status, url } = response;
    const body = await response.text();
    if (status === 401) {
      throw new EngineError("unauthenticated", `login attempt to ${url.href} failed with status: 401 Unauthorized`);
    }
    if (status !== 200) throw fromFailedResponse({ status, url, body, retryAfter: response.header("retry-after") });
    if (refreshToken === undefined || credentials.type !== "password") return credentials;
    return { type: "identity-token", token: refreshToken, username: credentials.username };
  } finally {
    await session.close();
  }
}
