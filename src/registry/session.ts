import { EngineError, isEngineError } from "../errors.ts";
import type { Reference } from "../model/reference.ts";
import { type AccessRequest, Authorizer } from "./authorizer.ts";
import type { CredentialSource } from "./credentials.ts";
import type { HostConfiguration } from "./host-configuration.ts";
import { type Capability, domainOfOrigin, type RegistryHost } from "./hosts.ts";
import { pause, pauseBefore, type RetryPolicy } from "./retry.ts";
import { repositoryScope } from "./scopes.ts";
import type { HttpRequest, HttpResponse, Transport } from "./transport.ts";

/** A request below `/v2/<repository>/`. */
export interface RepositoryRequest {
  readonly method: HttpRequest["method"];
  /** Below the repository, `manifests/latest`; or where the registry said to go on, as the `Location` of an upload. */
  readonly path: string | URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: HttpRequest["body"];
  /** What the host has to be there for; a host without it is not asked. */
  readonly capability: Capability;
  /** Sent once: somebody else's patience has ended already. */
  readonly once?: boolean;
  /** Reads a good answer; where it throws, the next host is asked. */
  readonly check?: (response: HttpResponse) => Promise<void>;
  /** Hosts that are asked last. */
  readonly avoid?: ReadonlySet<RegistryHost> | undefined;
  /** Another repository that is read from, as one whose blob is mounted. */
  readonly from?: string | undefined;
}

export interface RequestOptions {
  readonly signal: AbortSignal;
}

export interface SessionOptions {
  readonly transport: Transport;
  readonly hosts: HostConfiguration;
  readonly credentials: CredentialSource;
  readonly userAgent: string;
  readonly retry: RetryPolicy;
  /** Has token servers give a token that buys others, and takes it. */
  readonly onRefreshToken?: ((token: string) => void) | undefined;
}

/** A request to one host that concerns no repository. */
export interface HostRequest {
  /** From the root of the host. */
  readonly path: string;
  /** The registry whose images the host serves. */
  readonly domain: string;
  readonly scopes: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request on its way to one host. */
interface Sending {
  readonly host: RegistryHost;
  readonly origin: string;
  readonly domain: string;
  readonly url: URL;
  readonly method: HttpRequest["method"];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: HttpRequest["body"];
  readonly scopes: readonly string[];
}

/** Methods whose requests may be sent twice. */
const REPEATABLE: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "DELETE"]);

/**
 * The one door to registries: sends a request to whichever host serves a reference, mirrors first; proves who we are when
 * asked; and is patient with who is overloaded, and with bad networks. Keeps tokens, and which host answered how.
 */
export class RegistrySession {
  /** The origin of a host that turned out to be the one it listens on. */
  private readonly origins = new Map<RegistryHost, string>();
  /** Hosts that could not be reached are asked last from then on. */
  private readonly unreachable = new Set<RegistryHost>();
  private readonly answeredBy = new WeakMap<HttpResponse, RegistryHost>();
  private readonly authorizer: Authorizer;

  constructor(readonly options: SessionOptions) {
    this.authorizer = new Authorizer(options);
  }

  async close(): Promise<void> {
    await this.options.transport.close();
  }

  /**
   * Sends a request to the registry of `reference`, or a mirror of it. Whatever the last host answers is the answer: a
   * status is no error. Each host that fails or refuses is followed by the next; once all have, and waiting may help, they
   * are all asked again.
   *
   * @throws EngineError `unavailable` when no host can be reached, `failed-precondition` when none is there for this.
   */
  async request(reference: Reference, request: RepositoryRequest, { signal }: RequestOptions): Promise<HttpResponse> {
    const isRepeatable =
      request.once !== true &&
      REPEATABLE.has(request.method) &&
      (typeof request.body === "string" || isBytes(request.body ?? new Uint8Array()));
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.requestOnce(reference, request, { signal }).catch((error: unknown) => {
        if (error instanceof EngineError && !signal.aborted) return error;
        throw error;
      });
      const pauseMs = isRepeatable ? pauseBefore(attempt, outcome, this.options.retry) : undefined;
      if (pauseMs === undefined) {
        if (outcome instanceof Error) throw outcome;
        return outcome;
      }
      if (!(outcome instanceof Error)) await outcome.discard().catch(() => undefined);
      await pause(pauseMs, signal).catch((cause: unknown) => {
        throw new EngineError("canceled", "interrupted", { cause });
      });
    }
  }

  /** The hosts for a capability, in the order to ask. @throws EngineError `failed-precondition` when there is none. */
  async hostsFor(reference: Reference, capability: Capability): Promise<RegistryHost[]> {
    const hosts = (await this.options.hosts.hostsOf(reference.domain)).filter(({ capabilities }) =>
      capabilities.has(capability),
    );
    if (hosts.length === 0) {
      const message = `no host of registry ${reference.domain} is configured to ${capability}`;
      throw new EngineError("failed-precondition", message, { hint: "See 'wharf registry explain'." });
    }
    const unreachable = (host: RegistryHost) => Number(this.unreachable.has(host));
    return hosts.sort((a, b) => unreachable(a) - unreachable(b));
  }

  private async requestOnce(
    reference: Reference,
    request: RepositoryRequest,
    options: RequestOptions,
  ): Promise<HttpResponse> {
    const hosts = await this.hostsFor(reference, request.capability);
    // What is uploaded begins and ends at one host.
    const wanted = hosts.filter((host) => !request.avoid?.has(host));
    const ordered = [...wanted, ...hosts.filter((host) => request.avoid?.has(host))];
    const candidates = request.capability === "push" ? ordered.slice(0, 1) : ordered;
    let failure: unknown;
    for (const [index, host] of candidates.entries()) {
      const isLast = index === candidates.length - 1;
      try {
        const response = await this.requestAt(host, reference, request, options);
        this.unreachable.delete(host);
        this.answeredBy.set(response, host);
        if (response.status === 200) await request.check?.(response);
        if (isLast || response.status < 400) return response;
        await response.discard().catch(() => undefined);
      } catch (error) {
        // With a mirror before it, a registry is still asked when that one's token server refuses.
        if (!(error instanceof EngineError) || options.signal.aborted) throw error;
        if (error.code === "unavailable") this.unreachable.add(host);
        failure = error;
        if (isLast) throw failure;
      }
    }
    throw failure;
  }

  /** The host that gave an answer to `request`. */
  hostOf(response: HttpResponse): RegistryHost | undefined {
    return this.answeredBy.get(response);
  }

  /** The origin at which a host has answered. */
  originOf(host: RegistryHost): string | undefined {
    return this.origins.get(host);
  }

  /** Sends a request to one host, by whichever of its origins answers. */
  async requestAt(
    host: RegistryHost,
    reference: Reference,
    { method, path, headers, body, capability, from }: RepositoryRequest,
    options: RequestOptions,
  ): Promise<HttpResponse> {
    const { domain } = reference;
    const scopes = scopesOf(reference, capability, from);
    return await this.byOrigin(host, async (origin) => {
      const url = path instanceof URL ? path : new URL(`${host.path}/${reference.path}/${path}`, origin);
      if (host.isMirror && url.origin === origin) url.searchParams.set("ns", domain);
      return await this.send({ host, origin, domain, url, method, headers, body, scopes }, options);
    });
  }

  /** Sends a GET that concerns no repository to one host, by whichever of its origins answers. */
  async requestHost(
    host: RegistryHost,
    { path, domain, scopes, headers = {} }: HostRequest,
    options: RequestOptions,
  ): Promise<HttpResponse> {
    return await this.byOrigin(host, async (origin) => {
      const url = new URL(path, origin);
      return await this.send({ host, origin, domain, url, method: "GET", headers, scopes }, options);
    });
  }

  private async byOrigin(host: RegistryHost, send: (origin: string) => Promise<HttpResponse>): Promise<HttpResponse> {
    const known = this.origins.get(host);
    const origins = known === undefined ? host.origins : [known];
    let failure: unknown;
    for (const [index, origin] of origins.entries()) {
      const isLast = index === origins.length - 1;
      try {
        const response = await send(origin);
        if (isLast || !expectsTls(origin, response)) {
          this.origins.set(host, origin);
          return response;
        }
        await response.discard();
      } catch (error) {
        // An origin that answers, and refuses, is the right one.
        if (!isEngineError(error, "unavailable")) {
          throw error;
        }
        failure ??= error;
        if (isLast) {
          throw failure;
        }
      }
    }
    throw failure;
  }

  /** Sends a request, and once more when the host asks who we are and we know. */
  private async send(
    { host, origin, domain, url, method, headers, body, scopes }: Sending,
    { signal }: RequestOptions,
  ): Promise<HttpResponse> {
    // An upload may go on at a store of the registry's, which knows by the address that it may.
    const isElsewhere = url.origin !== origin;
    const { trust } = host;
    const send = (authorization: string | undefined): Promise<HttpResponse> =>
      this.options.transport.send({
        method,
        url,
        headers: {
          "user-agent": this.options.userAgent,
          ...(isElsewhere ? {} : host.headers),
          ...headers,
          ...(authorization === undefined ? {} : { authorization }),
        },
        body,
        trust: isElsewhere ? { ...(trust.ca && { ca: trust.ca }) } : trust,
        signal,
      });
    if (isElsewhere) return await send(undefined);
    const access: AccessRequest = { domain: credentialDomain(host, origin, domain), origin, scopes, trust, signal };
    const authorization = await this.authorizer.authorization(access);
    const response = await send(authorization);
    // What was sent as a stream is gone.
    if (response.status !== 401 || !(body === undefined || typeof body === "string" || isBytes(body))) {
      return response;
    }
    const better = await this.authorizer.answer(response, access, authorization);
    if (better === undefined) {
      return response;
    }
    await response.discard();
    return await send(better);
  }
}

/** A mirror has credentials of its own; a registry's are kept under the name that its images have. */
export function credentialDomain(host: RegistryHost, origin: string, domain: string): string {
  return host.isMirror ? domainOfOrigin(origin) : domain;
}

function scopesOf({ path }: Reference, capability: Capability, from: string | undefined): string[] {
  const own = capability === "push" ? repositoryScope(path, "pull", "push") : repositoryScope(path, "pull");
  return from === undefined ? [own] : [own, repositoryScope(from, "pull")];
}

/** True for the answer of a TLS server to a request in plain HTTP. */
function expectsTls(origin: string, response: HttpResponse): boolean {
  return (
    origin.startsWith("http:") &&
    response.status === 400 &&
    response.header("docker-distribution-api-version") === undefined
  );
}

function isBytes(body: NonNullable<HttpRequest["body"]>): body is Uint8Array {
  return body instanceof Uint8Array;
}
