import { chmodSync, chownSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import { EngineError, type ErrorCode, expectedFailure } from "../errors.ts";
import { API_VERSION } from "../model/api-version.ts";
import { parseNamespaceName } from "../model/namespace-name.ts";
import { splitApiVersion } from "./api-version.ts";
import { type Exchange, RequestContext } from "./request-context.ts";
import { parseRequestTarget } from "./request-target.ts";
import type { Router } from "./router.ts";
import type { NamespaceServices } from "./services.ts";

export interface ApiServerOptions {
  readonly version: string;
  readonly router: Router;
  /** The services of a namespace; `undefined` stands for the supervisor's default. */
  services(namespace: string | undefined, snapshotter: string | undefined): NamespaceServices;
  /** Told of failures that are defects: what is neither the client's fault nor expected. */
  onDefect(error: unknown): void;
}

const STATUSES: Readonly<Record<ErrorCode, number>> = {
  "not-found": 404,
  "already-exists": 409,
  "invalid-argument": 400,
  "failed-precondition": 409,
  conflict: 409,
  "permission-denied": 403,
  unauthenticated: 401,
  unavailable: 503,
  unimplemented: 501,
  "resource-exhausted": 500,
  "deadline-exceeded": 500,
  "out-of-range": 400,
  canceled: 500,
  // docker calls a command that cannot be started a bad request.
  "command-not-found": 400,
  "command-not-executable": 400,
  internal: 500,
};

/** How long an idle connection is kept for the client's next call. */
const KEEP_ALIVE_MS = 60_000;
/** Headers are sent at once; who takes longer keeps a connection for nothing. */
const HEADERS_MS = 30_000;

/**
 * The Docker Engine API on a unix socket. The namespace and snapshotter of a call come in the headers
 * `wharf-namespace` and `wharf-snapshotter`, so docker's own clients speak to the supervisor's defaults.
 */
export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #server: Server;
  readonly #hijacked = new Set<Socket>();

  constructor(options: ApiServerOptions) {
    this.#options = options;
    // A call may take as long as a container runs, and is not over when the client has said all it has to say.
    this.#server = createServer({
      requestTimeout: 0,
      headersTimeout: HEADERS_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
    });
    this.#server.on("request", (request, response) => this.#onRequest(request, response));
    this.#server.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket as Socket, head));
  }

  /**
   * Listens at `socketPath`, in the place of what a supervisor that was killed has left there. Root may use the socket,
   * and so may the members of `group`, who by that can do as root does; they may pass its directory, not look into it.
   */
  async listen(socketPath: string, group: number | undefined): Promise<void> {
    rmSync(socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      // The socket is there when `listen` returns, so its mode has to be right from the beginning.
      const mask = process.umask(0o177);
      this.#server.listen(socketPath, () => resolve());
      process.umask(mask);
    });
    if (group !== undefined) {
      chownSync(socketPath, 0, group);
      chownSync(dirname(socketPath), 0, group);
      chmodSync(dirname(socketPath), 0o710);
    }
    chmodSync(socketPath, 0o660);
  }

  /** Takes no more calls and ends the connections there are. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    for (const socket of this.#hijacked) socket.destroy();
    await closed;
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader("Api-Version", API_VERSION);
    response.setHeader("Docker-Experimental", "false");
    response.setHeader("Ostype", "linux");
    response.setHeader("Server", `wharf/${this.#options.version} (linux)`);
    // The client may go at any time.
    response.on("error", () => undefined);
    void this.#answer(request, { kind: "response", response });
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#hijacked.add(socket);
    socket.once("close", () => this.#hijacked.delete(socket));
    socket.on("error", () => socket.destroy());
    void this.#answer(request, { kind: "upgrade", socket, head });
  }

  async #answer(request: IncomingMessage, exchange: Exchange): Promise<void> {
    const context = new RequestContext(request, exchange);
    try {
      const target = parseRequestTarget(request.url ?? "/");
      const { path, apiMinor } = splitApiVersion(target.path);
      const { handler, params, always } = this.#options.router.find(request.method ?? "GET", path);
      const namespace = header(request, "wharf-namespace");
      const snapshotter = header(request, "wharf-snapshotter");
      const services = this.#options.services(namespace && parseNamespaceName(namespace), snapshotter);
      if (!always) await services.ready();
      context.bind({ params, query: target.query, apiMinor, services });
      await handler(context);
    } catch (error) {
      this.#fail(context, error);
    }
  }

  #fail(context: RequestContext, error: unknown): void {
    if (context.signal.aborted) return;
    if (!(error instanceof EngineError)) this.#options.onDefect(error);
    if (context.answered) {
      // The status is out; a connection that breaks off says that something went wrong.
      context.abandon();
      return;
    }
    const known = expectedFailure(error) ?? new EngineError("internal", String(error), { cause: error });
    context.json(STATUSES[known.code], {
      message: known.message,
      code: known.code,
      ...(known.hint !== undefined && { hint: known.hint }),
    });
  }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
