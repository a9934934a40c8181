import { EngineError } from "../errors.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { CredentialStore, Credentials } from "./credentials.ts";
import { fromFailedResponse } from "./errors.ts";
import { parseTokenAnswer } from "./token-answer.ts";
import type { HttpResponse, Transport } from "./transport.ts";

/** What to put into `Authorization`, and until when. */
interface Grant {
  readonly header: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** One repository of one registry: tokens are valid for no more than that. */
export interface AccessRequest {
  readonly domain: string;
  /** Scheme, host and port that will receive the header. */
  readonly origin: string;
  readonly repository: string;
  readonly insecure: boolean;
  readonly signal: AbortSignal;
}

const CLIENT_ID = "wharf";
/** A token is replaced this long before its end, so that none dies under way. */
const EXPIRY_MARGIN_MS = 10_000;
const NEVER = Number.POSITIVE_INFINITY;

/** Answers registries' challenges, and remembers the answers as long as the process lives. */
export class Authorizer {
  private readonly grants = new Map<string, Promise<Grant>>();
  private readonly challenges = new Map<string, Challenge>();

  constructor(
    private readonly transport: Transport,
    private readonly credentials: CredentialStore,
  ) {}

  /** The header for a request, if the registry has ever asked for one; renewed when it is about to expire. */
  async authorization(access: AccessRequest): Promise<string | undefined> {
    const key = keyOf(access);
    const grant = await this.grants.get(key);
    if (grant && grant.expiresAt - EXPIRY_MARGIN_MS > Date.now()) {
      return grant.header;
    }
    const challenge = this.challenges.get(key);
    return challenge && grant ? await this.grant(key, challenge, access) : undefined;
  }

  /**
   * Answers the challenge of a 401. Undefined when we have nothing to answer with, or when it is not the registry that
   * asks: a blob's redirect may lead to anybody, and who is there has no business with the registry's credentials.
   *
   * @throws EngineError when the token server refuses or cannot be reached.
   */
  async answer(response: HttpResponse, access: AccessRequest): Promise<string | undefined> {
    if (response.url.origin !== access.origin) {
      return undefined;
    }
    const challenges = parseChallenges(response.header("www-authenticate") ?? "");
    const challenge =
      challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.realm) ??
      challenges.find(({ scheme }) => scheme === "basic");
    if (!challenge) {
      return undefined;
    }
    if (challenge.scheme === "basic" && !basic(await this.credentials.get(access.domain))) {
      return undefined;
    }
    const key = keyOf(access);
    this.challenges.set(key, challenge);
    return await this.grant(key, challenge, access);
  }

  private async grant(key: string, challenge: Challenge, access: AccessRequest): Promise<string> {
    const grant = this.requestGrant(challenge, access);
    this.grants.set(key, grant);
    try {
      return (await grant).header;
    } catch (error) {
      this.grants.delete(key);
      throw error;
    }
  }

  private async requestGrant(challenge: Challenge, access: AccessRequest): Promise<Grant> {
    const credentials = await this.credentials.get(access.domain);
    if (challenge.scheme === "basic") {
      return { header: basic(credentials) ?? "", expiresAt: NEVER };
    }
    if (credentials?.type === "registry-token") {
      return { header: `Bearer ${credentials.token}`, expiresAt: NEVER };
    }
    return await this.requestToken(challenge, credentials, access);
  }

  /** The distribution project's token protocol: GET with a password, or POST (OAuth 2) with an identity token. */
  private async requestToken(
    { parameters }: Challenge,
    credentials: Credentials | undefined,
    access: AccessRequest,
  ): Promise<Grant> {
    const { realm = "", service, scope = `repository:${access.repository}:pull` } = parameters;
    if (!/^https?:\/\//.test(realm) || !URL.canParse(realm)) {
      throw new EngineError("unavailable", `the registry names a malformed token server: ${JSON.stringify(realm)}`);
    }
    const url = new URL(realm);
    if (url.protocol === "http:" && access.origin.startsWith("https:")) {
      const message = `${access.domain} names a token server that is not spoken to over TLS: ${url.origin}`;
      throw new EngineError("failed-precondition", message);
    }
    const insecure = access.insecure && url.hostname === new URL(access.origin).hostname;
    const { signal } = access;
    const query: Record<string, string> = { ...(service === undefined ? {} : { service }), scope };
    const requestedAt = Date.now();
    let response: HttpResponse;
    if (credentials?.type === "identity-token") {
      const form = { grant_type: "refresh_token", client_id: CLIENT_ID, refresh_token: credentials.token, ...query };
      response = await this.transport.send({
        method: "POST",
        url,
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(form).toString(),
        insecure,
        signal,
      });
    } else {
      for (const [name, value] of Object.entries(query)) {
        url.searchParams.append(name, value);
      }
      const header = basic(credentials);
      if (credentials?.type === "password") {
        url.searchParams.append("account", credentials.username);
      }
      const headers: Record<string, string> = header === undefined ? {} : { authorization: header };
      response = await this.transport.send({ method: "GET", url, headers, insecure, signal });
    }
    return await readToken(response, requestedAt);
  }
}

function keyOf({ origin, repository }: AccessRequest): string {
  return `${origin}/${repository}`;
}

function basic(credentials: Credentials | undefined): string | undefined {
  return credentials?.type === "password"
    ? `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`
    : undefined;
}

async function readToken(response: HttpResponse, requestedAt: number): Promise<Grant> {
  const text = await response.text();
  if (response.status !== 200) {
    throw fromFailedResponse({ status: response.status, url: response.url, body: text });
  }
  const { token, lifetimeS } = parseTokenAnswer(text, response.url.host);
  return { header: `Bearer ${token}`, expiresAt: requestedAt + lifetimeS * 1000 };
}
