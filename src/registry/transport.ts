import type { Dispatcher, Agent as UndiciAgent } from "undici";
import Agent from "undici/lib/dispatcher/agent.js";
import { EngineError } from "../errors.ts";
import { Body } from "./body.ts";
import { connectorFor } from "./connector.ts";
import { fromNetworkError } from "./errors.ts";

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Accept any certificate of this host; a redirect to another host is checked again. */
  readonly insecure?: boolean;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  header(name: string): string | undefined;
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

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_TEXT_BYTES = 1 << 20;
const IDLE_TIMEOUT_MS = 60_000;

/** HTTP over undici: connections are kept, redirects followed, credentials never carried to another host. */
export class Transport {
  private readonly agents = new Map<boolean, UndiciAgent>();

  /**
   * @throws EngineError `unavailable` when the host cannot be reached or stops answering, `canceled` when the signal
   *   fired. A status is never an error here.
   */
  async send(request: HttpRequest): Promise<HttpResponse> {
    let { url, headers, method, body, insecure = false } = request;
    const { signal } = request;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.sendOnce({ url, headers, method, insecure, signal, ...(body ? { body } : {}) });
      const location = response.header("location");
      if (!REDIRECTS.has(response.status) || location === undefined) {
        return response;
      }
      await response.discard();
      const target = redirectTarget(location, url);
      if (target.origin !== url.origin) {
        if (body !== undefined) {
          // What is posted is a token that buys others.
          throw new EngineError("failed-precondition", `${url.host}: redirected a secret to ${target.origin}`);
        }
        headers = withoutAuthorization(headers);
        insecure &&= target.hostname === url.hostname;
      }
      if (method === "POST" && (response.status === 303 || response.status === 302 || response.status === 301)) {
        method = "GET";
        body = undefined;
      }
      url = target;
    }
    throw new EngineError("unavailable", `${request.url.host}: stopped after ${MAX_REDIRECTS} redirects`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.agents.values()].map((agent) => agent.destroy()));
  }

  private async sendOnce({ method, url, headers, body, insecure = false, signal }: HttpRequest): Promise<HttpResponse> {
    const answer = new Answer(url, signal);
    const origin = url.origin;
    const path = url.pathname + url.search;
    this.agent(insecure).dispatch({ origin, path, method, headers: { ...headers }, body: body ?? null }, answer);
    return await answer.begun;
  }

  private agent(insecure: boolean): UndiciAgent {
    const existing = this.agents.get(insecure);
    if (existing) {
      return existing;
    }
    const agent = new Agent({
      connect: connectorFor({ insecure }),
      headersTimeout: IDLE_TIMEOUT_MS,
      bodyTimeout: IDLE_TIMEOUT_MS,
    });
    this.agents.set(insecure, agent);
    return agent;
  }
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

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"));
}
