import { EngineError } from "../errors.ts";
import type { Credentials } from "./credentials.ts";
import { fromFailedResponse } from "./errors.ts";
import type { Trust } from "./hosts.ts";
import { parseTokenAnswer, type TokenAnswer } from "./token-answer.ts";
import { type HttpResponse, type Transport, trustElsewhere } from "./transport.ts";

/** A token that a registry asked for. */
export interface TokenRequest {
  /** The registry, as messages name it. */
  readonly domain: string;
  readonly origin: string;
  /** The token server's URL, as the registry gave it. */
  readonly realm: string;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  /** Ask for a token that buys others, too. */
  readonly offline?: boolean;
  readonly trust: Trust;
  readonly signal: AbortSignal;
}

const CLIENT_ID = "wharf";
/** What a token server answers that does not know one of the two ways to ask. */
const UNKNOWN_WAY = new Set([404, 405]);

/**
 * The distribution project's token protocol: GET with a password, or POST (OAuth 2) with a token that buys others. A
 * server that knows only one of the ways is asked in that one.
 */
export class TokenClient {
  /** Tokens that a server gave in exchange for those that we came with. */
  private readonly renewed = new Map<string, string>();

  constructor(
    private readonly transport: Transport,
    private readonly userAgent: string,
  ) {}

  /** @throws EngineError when the token server refuses or cannot be reached, or may not be told who we are. */
  async request(request: TokenRequest, credentials: Credentials | undefined): Promise<TokenAnswer> {
    const url = tokenServerOf(request);
    const key = `${url.href} ${request.service ?? ""}`;
    if (credentials?.type === "identity-token") {
      const refreshToken = this.renewed.get(key) ?? credentials.token;
      const response = await this.post(url, request, { grant_type: "refresh_token", refresh_token: refreshToken });
      const answer = await readToken(response);
      if (answer.refreshToken !== undefined) this.renewed.set(key, answer.refreshToken);
      return answer;
    }
    const response = await this.get(url, request, credentials);
    if (credentials?.type !== "password" || !UNKNOWN_WAY.has(response.status)) return await readToken(response);
    await response.discard();
    const { username, password } = credentials;
    const access = request.offline ? { access_type: "offline" } : {};
    return await readToken(await this.post(url, request, { grant_type: "password", username, password, ...access }));
  }

  private async get(
    target: URL,
    { service, scopes, offline, ...request }: TokenRequest,
    credentials: Credentials | undefined,
  ): Promise<HttpResponse> {
    const url = new URL(target);
    if (service !== undefined) url.searchParams.append("service", service);
    for (const scope of scopes) url.searchParams.append("scope", scope);
    if (offline) {
      url.searchParams.append("offline_token", "true");
      url.searchParams.append("client_id", CLIENT_ID);
    }
    if (credentials?.type === "password") url.searchParams.append("account", credentials.username);
    const authorization = basicAuthorization(credentials);
    const headers = {
      "user-agent": this.userAgent,
      ...(authorization !== undefined && { authorization }),
    };
    return await this.transport.send({ method: "GET", url, headers, ...this.channelTo(url, request) });
  }

  private async post(
    url: URL,
    { service, scopes, ...request }: TokenRequest,
    proof: Readonly<Record<string, string>>,
  ): Promise<HttpResponse> {
    const form = new URLSearchParams({ ...proof, client_id: CLIENT_ID });
    if (service !== undefined) form.set("service", service);
    if (scopes.length > 0) form.set("scope", scopes.join(" "));
    return await this.transport.send({
      method: "POST",
      url,
      headers: { "user-agent": this.userAgent, "content-type": "application/x-www-form-urlencoded" },
      body: form.toString(),
      secret: true,
      ...this.channelTo(url, request),
    });
  }

  private channelTo(url: URL, { origin, trust, signal }: Pick<TokenRequest, "origin" | "trust" | "signal">) {
    const isSameHost = url.hostname === new URL(origin).hostname;
    const { skipVerify: _, ...elsewhere } = trustElsewhere(trust);
    return { trust: isSameHost ? trust : elsewhere, signal };
  }
}

/** `Authorization` for a name and password; undefined for credentials of another kind. */
export function basicAuthorization(credentials: Credentials | undefined): string | undefined {
  return credentials?.type === "password"
    ? `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`
    : undefined;
}

/** The token server that a registry names, if we may tell it who we are. */
function tokenServerOf({ realm, domain, origin }: TokenRequest): URL {
  if (!/^https?:\/\//.test(realm) || !URL.canParse(realm)) {
    throw new EngineError("unavailable", `the registry names a malformed token server: ${JSON.stringify(realm)}`);
  }
  const url = new URL(realm);
  if (url.protocol === "http:" && origin.startsWith("https:")) {
    const message = `${domain} names a token server that is not spoken to over TLS: ${url.origin}`;
    throw new EngineError("failed-precondition", message);
  }
  return url;
}

async function readToken(response: HttpResponse): Promise<TokenAnswer> {
  const text = await response.text();
  if (response.status !== 200) {
    throw fromFailedResponse({ status: response.status, url: response.url, body: text });
  }
  return parseTokenAnswer(text, response.url.host);
}
