import { type Challenge, parseChallenges } from "./challenge.ts";
import type { CredentialSource, Credentials } from "./credentials.ts";
import type { Trust } from "./hosts.ts";
import { scopesToRequest } from "./scopes.ts";
import { basicAuthorization, TokenClient } from "./token-client.ts";
import type { HttpResponse, Transport } from "./transport.ts";

/** What to put into `Authorization`, and until when. */
interface Grant {
  readonly header: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What a request needs a token for. */
export interface AccessRequest {
  /** Whose credentials prove who we are. */
  readonly domain: string;
  /** Scheme, host and port that will receive the header. */
  readonly origin: string;
  /** In the token specification's words; none for what concerns no repository. */
  readonly scopes: readonly string[];
  readonly trust: Trust;
  readonly signal: AbortSignal;
}

/** A token is replaced this long before its end, so that none dies under way. */
const EXPIRY_MARGIN_MS = 10_000;
const NEVER = Number.POSITIVE_INFINITY;

/** Answers registries' challenges, and remembers the answers as long as the process lives. */
export class Authorizer {
  private readonly grants = new Map<string, Promise<Grant>>();
  private readonly challenges = new Map<string, Challenge>();
  private readonly tokens: TokenClient;

  constructor(
    private readonly options: {
      readonly transport: Transport;
      readonly credentials: CredentialSource;
      readonly userAgent: string;
      readonly onRefreshToken?: ((token: string) => void) | undefined;
    },
  ) {
    this.tokens = new TokenClient(options.transport, options.userAgent);
  }

  /** The header for a request, if the registry has ever asked for one; renewed when it is about to expire. */
  async authorization(access: AccessRequest): Promise<string | undefined> {
    const key = keyOf(access);
    const grant = await this.grants.get(key);
    if (grant && grant.expiresAt - EXPIRY_MARGIN_MS > performance.now()) {
      return grant.header;
    }
    const challenge = this.challenges.get(key);
    return challenge && grant ? await this.grant(key, challenge, access) : undefined;
  }

  /**
   * Answers the challenge of a 401 to a request with the header `refused`. Undefined when we have nothing better to
   * answer with, or when it is not the registry that asks: a blob's redirect may lead to anybody, and who is there has no
   * business with the registry's credentials.
   *
   * @throws EngineError when the token server refuses or cannot be reached.
   */
  async answer(
    response: HttpResponse,
    access: AccessRequest,
    refused: string | undefined,
  ): Promise<string | undefined> {
    if (response.url.origin !== access.origin) {
      return undefined;
    }
    const challenge = chosenChallenge(response);
    if (!challenge) {
      return undefined;
    }
    const key = keyOf(access);
    // Somebody else's request was refused before ours, and has asked anew.
    const current = await this.grants.get(key)?.catch(() => undefined);
    if (current !== undefined && current.header !== refused) return current.header;
    if (challenge.scheme === "basic" && !basicAuthorization(await this.options.credentials.get(access.domain))) {
      return undefined;
    }
    this.challenges.set(key, challenge);
    const header = await this.grant(key, challenge, access);
    return header === refused ? undefined : header;
  }

  private async grant(key: string, challenge: Challenge, access: AccessRequest): Promise<string> {
    const grant = this.requestGrant(challenge, access);
    this.grants.set(key, grant);
    try {
      return (await grant).header;
    } catch (error) {
      if (this.grants.get(key) === grant) this.grants.delete(key);
      throw error;
    }
  }

  private async requestGrant(challenge: Challenge, access: AccessRequest): Promise<Grant> {
    const credentials: Credentials | undefined = await this.options.credentials.get(access.domain);
    if (challenge.scheme === "basic") {
      return { header: basicAuthorization(credentials) ?? "", expiresAt: NEVER };
    }
    if (credentials?.type === "registry-token") {
      return { header: `Bearer ${credentials.token}`, expiresAt: NEVER };
    }
    const requestedAt = performance.now();
    const { realm = "", service, scope } = challenge.parameters;
    const scopes = scopesToRequest(access.scopes, scope);
    const { onRefreshToken } = this.options;
    const offline = onRefreshToken !== undefined;
    const answer = await this.tokens.request({ ...access, realm, service, scopes, offline }, credentials);
    if (answer.refreshToken !== undefined) onRefreshToken?.(answer.refreshToken);
    return { header: `Bearer ${answer.token}`, expiresAt: requestedAt + answer.lifetimeS * 1000 };
  }
}

/** The one of a 401's challenges that we answer: tokens before passwords. */
export function chosenChallenge(response: HttpResponse): Challenge | undefined {
  const challenges = parseChallenges(response.header("www-authenticate") ?? "");
  return (
    challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.realm) ??
    challenges.find(({ scheme }) => scheme === "basic")
  );
}

function keyOf({ origin, scopes }: AccessRequest): string {
  return [origin, ...scopes].join(" ");
}
