import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { EngineError } from "../errors.ts";
import { parseShaped, type Shape } from "../model/json-shape.ts";
import type { NamespaceServices } from "./services.ts";

/** A body larger than this is no request of the API. */
const BODY_LIMIT_BYTES = 16 * 1024 * 1024;

/** What a connection becomes once the request's headers have been read. */
export type Exchange =
  | { readonly kind: "response"; readonly response: ServerResponse }
  /** The client asked for an upgrade; `head` is what it sent behind its headers, the body first. */
  | { readonly kind: "upgrade"; readonly socket: Socket; readonly head: Buffer };

/** A connection taken over for raw bytes. */
export interface HijackedConnection {
  readonly socket: Socket;
}

/** What the URL and the headers say. */
export interface RoutedCall {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly apiMinor: number;
  readonly services: NamespaceServices;
}

/** One call of the API: what was asked, the services of its namespace, and the ways to answer. */
export class RequestContext {
  readonly request: IncomingMessage;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  readonly #exchange: Exchange;
  #call: RoutedCall | undefined;
  #head: Buffer;
  #body: Promise<Buffer> | undefined;
  #answered = false;

  constructor(request: IncomingMessage, exchange: Exchange) {
    this.request = request;
    this.#exchange = exchange;
    this.#head = exchange.kind === "upgrade" ? exchange.head : Buffer.alloc(0);
    this.signal = signalOf(exchange);
  }

  /** Says which route the call goes to; before the route's handler is called. */
  bind(call: RoutedCall): void {
    this.#call = call;
  }

  get query(): URLSearchParams {
    return this.#routed.query;
  }

  /** The client speaks API version 1.<apiMinor>. */
  get apiMinor(): number {
    return this.#routed.apiMinor;
  }

  get services(): NamespaceServices {
    return this.#routed.services;
  }

  get namespace(): string {
    return this.services.namespace;
  }

  get engine(): NamespaceServices["engine"] {
    return this.services.engine;
  }

  get runs(): NamespaceServices["runs"] {
    return this.services.runs;
  }

  get execs(): NamespaceServices["execs"] {
    return this.services.execs;
  }

  /** True once the status has been sent: a failure after that can only end the connection. */
  get answered(): boolean {
    return this.#answered;
  }

  /** A path parameter of the route's pattern. */
  param(name: string): string {
    return this.#routed.params[name] ?? "";
  }

  /** A boolean query parameter by docker's rule: absent, `""`, `0`, `no`, `false` and `none` are false. */
  flag(name: string, fallback = false): boolean {
    const value = this.#routed.query.get(name);
    if (value === null) return fallback;
    return !["", "0", "no", "false", "none"].includes(value.trim().toLowerCase());
  }

  /** A whole number among the query parameters; undefined when absent. */
  integer(name: string): number | undefined {
    const value = this.#routed.query.get(name);
    if (value === null || value === "") return undefined;
    if (!/^-?\d+$/.test(value) || !Number.isSafeInteger(Number(value)))
      throw new EngineError("invalid-argument", `invalid value "${value}" for ${name}`);
    return Number(value);
  }

  /** The request's JSON body; undefined when it is empty. @throws EngineError `invalid-argument` for one of another shape. */
  async body<T>(shape: Shape<T>): Promise<T | undefined> {
    const text = (await this.#bodyBytes()).toString();
    return text.trim() === "" ? undefined : parseShaped(text, shape, "invalid JSON");
  }

  /** Answers with JSON. */
  json(status: number, value: unknown): void {
    this.#send(status, { "content-type": "application/json" }, JSON.stringify(value));
  }

  /** Answers with plain text. */
  text(status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
    this.#send(status, { "content-type": "text/plain; charset=utf-8", ...headers }, text);
  }

  /** Answers without a body: 204, or 304 when there was nothing to do. */
  empty(status: 200 | 201 | 204 | 304): void {
    this.#send(status, {}, "");
  }

  /** Sends the headers at once and leaves the body open: for answers that come later, or go on and on. */
  startStream(contentType: string): ServerResponse {
    const response = this.#response();
    this.#answered = true;
    response.writeHead(200, { "content-type": contentType });
    response.flushHeaders();
    // Small writes must not wait for each other.
    response.socket?.setNoDelay(true);
    return response;
  }

  /**
   * Takes the connection over: `101 UPGRADED` when the client asked for it, else a `200` without length, as docker.
   * The body has to be read before.
   */
  async hijack(
    contentType: string,
    headers: () => Readonly<Record<string, string>> = () => ({}),
  ): Promise<HijackedConnection> {
    await this.#bodyBytes();
    this.#answered = true;
    if (this.#exchange.kind === "response") {
      const { response } = this.#exchange;
      const socket = response.socket;
      if (!socket) throw new EngineError("canceled", "the client has gone");
      response.detachSocket(socket);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\n${headerLines(headers())}\r\n`);
      return { socket };
    }
    const { socket } = this.#exchange;
    socket.write(
      `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${headerLines(headers())}\r\n`,
    );
    if (this.#head.length > 0) socket.unshift(this.#head);
    return { socket };
  }

  /** Breaks the connection off. */
  abandon(): void {
    if (this.#exchange.kind === "response") this.#exchange.response.destroy();
    else this.#exchange.socket.destroy();
  }

  get #routed(): RoutedCall {
    if (this.#call === undefined) throw new Error("the call has no route yet");
    return this.#call;
  }

  #send(status: number, headers: Readonly<Record<string, string>>, text: string): void {
    this.#answered = true;
    const body = Buffer.from(text);
    if (this.#exchange.kind === "response") {
      const { response } = this.#exchange;
      const withoutBody = status === 204 || status === 304;
      response.writeHead(status, { ...headers, ...(!withoutBody && { "content-length": body.length }) });
      response.end(this.request.method === "HEAD" ? undefined : body);
      return;
    }
    const head = headerLines({ ...headers, "content-length": String(body.length), connection: "close" });
    this.#exchange.socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} \r\n${head}\r\n`), body]));
  }

  #response(): ServerResponse {
    if (this.#exchange.kind === "response") return this.#exchange.response;
    throw new EngineError("invalid-argument", "this call cannot be upgraded");
  }

  #bodyBytes(): Promise<Buffer> {
    this.#body ??= this.#readBody();
    return this.#body;
  }

  async #readBody(): Promise<Buffer> {
    if (this.#exchange.kind === "response") return await collect(this.request);
    const length = Number(this.request.headers["content-length"] ?? 0);
    if (length > BODY_LIMIT_BYTES) throw new EngineError("invalid-argument", "the request's body is too large");
    // Since Node 24 the body of an upgrade is the request's; before, the request is empty and its body in the socket.
    if (!this.request.complete || this.request.readableLength > 0) return await collect(this.request);
    const { socket } = this.#exchange;
    let received = this.#head;
    while (received.length < length) {
      const chunk = (socket.read() as Buffer | null) ?? (await nextChunk(socket));
      received = Buffer.concat([received, chunk]);
    }
    this.#head = received.subarray(length);
    return received.subarray(0, length);
  }
}

function headerLines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > BODY_LIMIT_BYTES) throw new EngineError("invalid-argument", "the request's body is too large");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function nextChunk(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      socket.pause();
      socket.off("data", onData);
      socket.off("close", onClose);
      settle();
    };
    const onData = (chunk: Buffer) => done(() => resolve(chunk));
    const onClose = () => done(() => reject(new EngineError("canceled", "the client has gone")));
    socket.once("data", onData);
    socket.once("close", onClose);
  });
}

function signalOf(exchange: Exchange): AbortSignal {
  const controller = new AbortController();
  const source = exchange.kind === "response" ? exchange.response : exchange.socket;
  source.once("close", () => controller.abort());
  return controller.signal;
}
