import { EngineError } from "../errors.ts";
import { boolean, list, number, object, otherwise, parseShaped, type Shaped, string } from "../model/json-shape.ts";
import { fromFailedResponse } from "./errors.ts";
import type { RegistrySession, RequestOptions } from "./session.ts";

const result = object({
  name: string,
  description: otherwise(string, ""),
  star_count: otherwise(number, 0),
  is_official: otherwise(boolean, false),
  is_automated: otherwise(boolean, false),
});
const answer = object({ results: otherwise(list(result), []) });

/** A repository that a search found. */
export type FoundRepository = Shaped<typeof result>;

export interface SearchRequest {
  /** A registry's domain. */
  readonly domain: string;
  readonly term: string;
  readonly limit: number;
}

/** Docker Hub is searched at another address than pulled from. */
const HUB_SEARCH = "https://index.docker.io";

/**
 * Searches a registry that has the old search API, as Docker Hub and some others do.
 *
 * @throws EngineError `unimplemented` by a registry that cannot be searched.
 */
export async function searchRegistry(
  session: RegistrySession,
  { domain, term, limit }: SearchRequest,
  options: RequestOptions,
): Promise<FoundRepository[]> {
  const hosts = await session.options.hosts.hostsOf(domain);
  const own = hosts.findLast(({ isMirror }) => !isMirror) ?? hosts.at(-1);
  if (own === undefined) throw new EngineError("failed-precondition", `no host of registry ${domain} is configured`);
  const isHub = own.origins[0] === "https://registry-1.docker.io";
  const host = isHub ? { ...own, origins: [HUB_SEARCH] as const } : own;
  const query = new URLSearchParams({ q: term, n: String(limit) });
  const response = await session.requestHost(host, { path: `/v1/search?${query}`, domain, scopes: [] }, options);
  const { status, url } = response;
  const body = await response.text();
  if (status === 404 || status === 405) {
    const hint = "Most registries have no search; Docker Hub has one.";
    throw new EngineError("unimplemented", `registry ${domain} cannot be searched`, { hint });
  }
  if (status !== 200) throw fromFailedResponse({ status, url, body, retryAfter: response.header("retry-after") });
  return parseShaped(body, answer, `${url.host}${url.pathname}`).results;
}
