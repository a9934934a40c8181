import type { Dispatcher, Agent as UndiciAgent } from "undici";
import Agent from "undici/lib/dispatcher/agent.js";
import { EngineError } from "../errors.ts";
import { Body } from "./body.ts";
import { connectorFor } from "./connector.ts";
import { fromNetworkError } from "./errors.ts";
import type { Trust } from "./hosts.ts";
import { type Environment, proxyAuthorization, proxyFor } from "./proxy.ts";
import { TrustedRoots } from "./trusted-roots.ts";

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream is read once: such a request is sent once, and its `content-length` is a header. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Whom the host has to be. A redirect to another one does not carry certificates of ours along. */
  readonly trust?: Trust;
  /** The body is a secret, which is sent to no other host than this. */
  readonly secret?: boolean;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  header(name: string): string | undefined;
  /** All headers whose names begin with the text, in lower case. */
  headersNamed(prefix: string): Record<string, string>;
  /**
   * The body as it arrives, in chunks that are valid until the next one is asked for; ending the iteration early closes
   * the connection.
   */
  readonly body: AsyncIterable<Buffer>;
  /** The whole body, of at most `limit` bytes. */
  bytes(limit: number): Promise<Buffer>;
  text(): Promise<string>;
  /** Lets go of a body that nobody reads. */
  discard(): Promise<void>;
}

export interface TransportOptions {
  /** Where proxies and authorities are named. */
  readonly environment?: Environment;
  /** How long a host may say nothing. */
  readonly idleTimeoutMs?: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
}

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** What another host may know of a request: neither who asks, nor what a configuration adds for the first host. */
const PUBLIC_HEADERS = new Set(["accept", "content-length", "content-type", "range", "user-agent"]);
const MAX_TEXT_BYTES = 1 << 20;
const IDLE_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 30_000;

/** HTTP over undici: connections are kept, redirects followed, credentials never carried to another host. */
export class Transport {
  private readonly agents = new Map<string, UndiciAgent>();
  private readonly roots: TrustedRoots;

  constructor(private readonly options: TransportOptions = {}) {
    this.roots = new TrustedRoots(options.environment ?? {});
  }

  /**
   * @throws EngineError `unavailable` when the host cannot be reached or stops answering, `canceled` when the signal
   *   fired. A status is never an error here.
   */
  async send(request: HttpRequest): Promise<HttpResponse> {
    let { url, headers, method, body, trust = {} } = request;
    const { signal } = request;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.sendOnce({ url, headers, method, trust, signal, body });
      const location = response.header("location");
      if (!REDIRECTS.has(response.status) || location === undefined) {
        return response;
      }
      await response.discard();
      const target = redirectTarget(location, url);
      if (target.origin !== url.origin) {
        if (request.secret) {
          throw new EngineError("failed-precondition", `${url.host}: redirected a secret to ${target.origin}`);
        }
        headers = headersElsewhere(headers);
        if (target.hostname !== url.hostname) trust = trustElsewhere(trust);
      }
      if (method !== "HEAD" && (response.status === 303 || response.status === 302 || response.status === 301)) {
        method = "GET";
        body = undefined;
      }
      if (body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array)) {
        throw new EngineError("unavailable", `${url.host}: redirected an upload to ${target.origin}`);
      }
      url = target;
    }
    throw new EngineError("unavailable", `${request.url.host}: stopped after ${MAX_REDIRECTS} redirects`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.agents.values()].map((agent) => agent.destroy()));
  }

  private async sendOnce({ method, url, headers, body, trust = {}, signal }: HttpRequest): Promise<HttpResponse> {
    const answer = new Answer(url, signal);
    const proxy = proxyFor(url, this.options.environment ?? {});
    // A proxy is asked for a whole URL where TLS does not hide it; then it is the proxy that we connect to.
    const isForwarded = proxy !== undefined && url.protocol === "http:";
    const origin = isForwarded ? proxy.origin : url.origin;
    const path = isForwarded ? `${url.origin}${url.pathname}${url.search}` : url.pathname + url.search;
    const authorization = isForwarded ? proxyAuthorization(proxy) : undefined;
    const extra = isForwarded
      ? { host: url.host, ...(authorization !== undefined && { "proxy-authorization": authorization }) }
      : {};
    const agent = this.agent(isForwarded ? {} : trust, isForwarded ? undefined : proxy);
    // undici takes an async iterable where its types say a stream.
    const sent = (body ?? null) as string | Buffer | null;
    agent.dispatch({ origin, path, method, headers: { ...headers, ...extra }, body: sent }, answer);
    return await answer.begun;
  }

  private agent(trust: Trust, proxy: URL | undefined): UndiciAgent {
    const key = JSON.stringify([trust, proxy?.href]);
    const existing = this.agents.get(key);
    if (existing) {
      return existing;
    }
    const { idleTimeoutMs = IDLE_TIMEOUT_MS, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.options;
    const agent = new Agent({
      connect: connectorFor({ trust, roots: this.roots, proxy, connectTimeoutMs }),
      headersTimeout: idleTimeoutMs,
      bodyTimeout: idleTimeoutMs,
    });
    this.agents.set(key, agent);
    return agent;
  }
}

/** What holds for a host that another one leads to: who signs for one registry signs for all that belongs to it. */
export function trustElsewhere({ skipVerify, ca }: Trust): Trust {
  return { ...(ca && { ca }), ...(skipVerify === "redirects" && { skipVerify }) };
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** One request on its way through undici, whose calls make a response of it, or fail it. */
class Answer implements Dispatcher.DispatchHandler {
  readonly begun: Promise<HttpResponse>;
  private resolve!: (response: HttpResponse) => void;
  private reject!: (error: Error) => void;
  private controller: Dispatcher.DispatchController | undefined;
  private body: Body | undefined;

  constructor(
    private readonly url: URL,
    private readonly signal: AbortSignal,
  ) {
    this.begun = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    signal.addEventListener("abort", this.onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.signal.aborted) this.onAbort();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    // 1xx says that the answer proper follows.
    if (status < 200) return;
    this.body = new Body(controller);
    this.resolve(new Response(status, this.url, headers, this.body));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.body?.push(chunk);
  }

  onResponseEnd(): void {
    this.release();
    this.body?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.release();
    const failure = fromNetworkError(error, this.url);
    this.body?.end(failure);
    this.reject(failure);
  }

  private readonly onAbort = (): void => {
    const reason: Error = this.signal.reason;
    // Before a connection is there nobody else can be told.
    if (!this.controller) this.reject(fromNetworkError(reason, this.url));
    this.controller?.abort(reason);
  };

  private release(): void {
    this.signal.removeEventListener("abort", this.onAbort);
  }
}

class Response implements HttpResponse {
  constructor(
    readonly status: number,
    readonly url: URL,
    private readonly headers: Headers,
    readonly body: Body,
  ) {}

  header(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  headersNamed(prefix: string): Record<string, string> {
    const names = Object.keys(this.headers).filter((name) => name.startsWith(prefix));
    return Object.fromEntries(names.map((name) => [name, this.header(name) ?? ""]));
  }

  async bytes(limit: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.body) {
      size += chunk.length;
      if (size > limit) {
        throw new EngineError("out-of-range", `${this.url.host}: the answer is larger than ${limit} bytes`);
      }
      chunks.push(Buffer.from(chunk));
    }
    return Buffer.concat(chunks, size);
  }

  async text(): Promise<string> {
    return (await this.bytes(MAX_TEXT_BYTES)).toString("utf8");
  }

  async discard(): Promise<void> {
    await this.body.discard();
  }
}

function redirectTarget(location: string, from: URL): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (target?.protocol !== "https:" && target?.protocol !== "http:") {
    throw new EngineError("unavailable", `${from.host}: redirected to ${JSON.stringify(location)}`);
  }
  return target;
}

function headersElsewhere(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => PUBLIC_HEADERS.has(name.toLowerCase())));
}
