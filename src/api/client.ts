import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { EngineError, type ErrorCode, isEngineError } from "../errors.ts";

/** The version of the Engine API that wharf speaks. */
export const API_VERSION = "1.51";

export interface ApiRequestOptions {
  /** Absent values are left out; true is `1`. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** To ask twice is as good as to ask once: the next supervisor is asked when one goes away over it, as with any GET. */
  readonly repeatable?: boolean;
}

export interface EngineApiOptions {
  readonly socketPath: string;
  readonly namespace: string;
  readonly snapshotter: string;
  /** Told once what the first answer says of the server: its `Server` header. */
  readonly onServer?: (server: string) => void;
  /** Sees to it that there is a supervisor again when none was reached; absent, that is a failure. */
  readonly reopen?: (() => Promise<unknown>) | undefined;
}

/** A connection that an Engine API call was upgraded to: raw bytes in both directions. */
export interface HijackedStream {
  readonly socket: Socket;
  /** One raw output in place of frames. */
  readonly raw: boolean;
  /** How much of each output came before this connection; wharf's supervisor says so of containers. */
  readonly position: { readonly stdout: number; readonly stderr: number };
}

interface ErrorBody {
  readonly message?: string;
  readonly code?: ErrorCode;
  readonly hint?: string;
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: "invalid-argument",
  401: "unauthenticated",
  403: "permission-denied",
  404: "not-found",
  409: "conflict",
  410: "failed-precondition",
  501: "unimplemented",
  503: "unavailable",
};

const UPGRADE = { connection: "Upgrade", upgrade: "tcp" };
/** What connecting fails with where nobody listens. */
const NOT_CONNECTED = ["ECONNREFUSED", "ENOENT"];
const CUT = ["ECONNRESET", "EPIPE"];
const MOST_ATTEMPTS = 10;

/**
 * A client of the supervisor's Engine API, bound to one containerd namespace. Connections are kept alive between
 * calls and do not keep the process alive. Every failure is an `EngineError`: of the code the supervisor sent, else of
 * the code that its HTTP status stands for; `unavailable` when the supervisor cannot be reached.
 */
export class EngineApi {
  readonly #socketPath: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent = new Agent({ keepAlive: true });

  readonly #onServer: ((server: string) => void) | undefined;
  readonly #reopen: (() => Promise<unknown>) | undefined;
  #serverKnown = false;

  constructor(options: EngineApiOptions) {
    this.#socketPath = options.socketPath;
    this.#onServer = options.onServer;
    this.#reopen = options.reopen;
    this.#headers = { "wharf-namespace": options.namespace, "wharf-snapshotter": options.snapshotter };
  }

  /** Calls and reads the whole answer: parsed JSON, or undefined when it is empty. */
  async request<T = unknown>(method: string, path: string, options: ApiRequestOptions = {}): Promise<T> {
    return await this.#whenReached(method, options, async () => {
      const response = await this.#answer(method, path, options);
      if (!isSuccess(response)) throw await readError(response);
      return await readJson<T>(response);
    });
  }

  /** Calls and returns once the answer's headers are there; the body is the caller's to read or destroy. */
  async stream(method: string, path: string, options: ApiRequestOptions = {}): Promise<IncomingMessage> {
    const response = await this.#whenReached(method, options, () => this.#answer(method, path, options));
    if (isSuccess(response)) return response;
    throw await readError(response);
  }

  #answer(method: string, path: string, options: ApiRequestOptions): Promise<IncomingMessage> {
    const request = this.#open(method, path, options, {});
    return new Promise((resolve, reject) => {
      request.once("response", resolve);
      request.once("error", reject);
    });
  }

  /** Calls and takes over the connection, for attach and exec. The caller destroys the socket. */
  async hijack(method: string, path: string, options: ApiRequestOptions = {}): Promise<HijackedStream> {
    return await this.#whenReached(method, options, () => this.#upgrade(this.#open(method, path, options, UPGRADE)));
  }

  #upgrade(request: ClientRequest): Promise<HijackedStream> {
    return new Promise((resolve, reject) => {
      request.once("upgrade", (response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        const raw = response.headers["content-type"] !== "application/vnd.docker.multiplexed-stream";
        const [stdout = 0, stderr = 0] = String(response.headers["wharf-position"] ?? "0,0")
          .split(",")
          .map(Number);
        resolve({ socket: socket as Socket, raw, position: { stdout, stderr } });
      });
      request.once("response", (response) => {
        readError(response).then(reject, reject);
      });
      request.once("error", reject);
    });
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  /**
   * Makes a call. A supervisor that went away before it heard of the call, or whose call is as good made twice, makes room
   * for the next one, which is asked instead.
   */
  async #whenReached<T>(method: string, options: ApiRequestOptions, call: () => Promise<T>): Promise<T> {
    const { signal, repeatable = method === "GET" } = options;
    for (let attempts = 1; ; attempts++) {
      try {
        return await call();
      } catch (error) {
        const unheard = NOT_CONNECTED.includes(codeOf(error)) || (repeatable && wasCut(error));
        const retry = this.#reopen !== undefined && unheard && !signal?.aborted && attempts < MOST_ATTEMPTS;
        if (!retry) throw error instanceof EngineError ? error : this.#connectionError(error as Error, signal);
        await this.#reopen?.();
      }
    }
  }

  #open(method: string, path: string, options: ApiRequestOptions, headers: Record<string, string>): ClientRequest {
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const request = httpRequest({
      agent: this.#agent,
      socketPath: this.#socketPath,
      method,
      path: `/v${API_VERSION}${path}${queryString(options.query)}`,
      headers: {
        ...this.#headers,
        ...headers,
        host: "docker",
        "content-length": body === undefined ? 0 : Buffer.byteLength(body),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(options.signal && { signal: options.signal }),
    });
    request.once("response", (response) => this.#meet(response));
    request.once("upgrade", (response) => this.#meet(response));
    request.end(body);
    return request;
  }

  #meet(response: IncomingMessage): void {
    const { server } = response.headers;
    if (this.#serverKnown || server === undefined) return;
    this.#serverKnown = true;
    this.#onServer?.(String(server));
  }

  #connectionError(error: Error, signal: AbortSignal | undefined): EngineError {
    if (signal?.aborted) return new EngineError("canceled", "canceled", { cause: error });
    return new EngineError("unavailable", `cannot reach the supervisor at ${this.#socketPath}`, {
      cause: error,
      hint: "its log is supervisor.log under wharf's data root; `wharf supervisor start` starts it",
    });
  }
}

/** True when the supervisor went away over a call, so that nobody can say what came of it. */
export function wasCut(error: unknown): boolean {
  return CUT.includes(codeOf(isEngineError(error, "unavailable") ? error.cause : error));
}

/** The code of a system error, of a connection that failed; else `""`. */
function codeOf(error: unknown): string {
  return error instanceof Error && !isEngineError(error) ? ((error as NodeJS.ErrnoException).code ?? "") : "";
}

/** Reads an answer's body to its end: parsed JSON, or undefined when it is empty. @throws EngineError `unavailable` when it breaks off. */
export async function readJson<T>(response: IncomingMessage): Promise<T> {
  try {
    const text = await readText(response);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  } catch (cause) {
    throw new EngineError("unavailable", "the supervisor broke the connection off", { cause });
  }
}

/** Reads an answer's body as lines of JSON, each as it comes. @throws EngineError `unavailable` when it breaks off. */
export async function* readLines<T>(response: IncomingMessage): AsyncGenerator<T, void> {
  let rest = "";
  try {
    for await (const chunk of response) {
      const lines = (rest + (chunk as Buffer).toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield JSON.parse(line) as T;
    }
  } catch (cause) {
    throw new EngineError("unavailable", "the supervisor broke the connection off", { cause });
  }
}

function isSuccess(response: IncomingMessage): boolean {
  return response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 400;
}

/** Makes the error that a failed answer stands for, and reads the answer to its end. */
async function readError(response: IncomingMessage): Promise<EngineError> {
  const status = response.statusCode ?? 500;
  const text = await readText(response);
  const body = parseErrorBody(text);
  const message = body.message || text.trim() || `the supervisor answered with status ${status}`;
  return new EngineError(body.code ?? CODES[status] ?? "internal", message, { hint: body.hint });
}

function parseErrorBody(text: string): ErrorBody {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? body : {};
  } catch {
    return {};
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function queryString(query: ApiRequestOptions["query"] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== false) parameters.set(name, value === true ? "1" : String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}
