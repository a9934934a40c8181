import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A proxy before a registry that counts what is fetched, and can hold blobs back. */
export interface RegistryProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT`, the domain of its references. */
  readonly host: string;
  /** How often each blob's content was asked for, by digest. */
  readonly blobRequests: ReadonlyMap<string, number>;
  /** How many requests for manifests there were. */
  readonly manifestRequests: number;
  /** Answers no request for a blob before `until` settles, unless it is for one of `except`. */
  holdBlobs(until: Promise<unknown>, except?: readonly string[]): void;
}

/** Starts a proxy before the registry at `upstream`, a `HOST:PORT`. */
export async function startRegistryProxy(upstream: string): Promise<RegistryProxy> {
  const blobRequests = new Map<string, number>();
  let manifestRequests = 0;
  let held: { readonly until: Promise<unknown>; readonly except: readonly string[] } | undefined;
  const [hostname, port] = upstream.split(":");
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "GET", url: path = "/", headers } = incoming;
    const digest = /\/blobs\/(sha256:[0-9a-f]+)$/.exec(path)?.[1];
    if (path.includes("/manifests/")) manifestRequests++;
    if (digest !== undefined && method === "GET") {
      blobRequests.set(digest, (blobRequests.get(digest) ?? 0) + 1);
      if (held !== undefined && !held.except.includes(digest)) await held.until;
    }
    const forwarded = request({ hostname, port, method, path, headers: { ...headers, host: upstream } }, (answered) => {
      response.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(response);
    });
    forwarded.on("error", () => response.destroy());
    incoming.pipe(forwarded);
  };
  const server = createServer((incoming, response) => void answer(incoming, response));
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    blobRequests,
    get manifestRequests() {
      return manifestRequests;
    },
    holdBlobs(until, except = []) {
      held = { until, except };
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((settle) => server.close(settle));
      server.closeAllConnections();
      await closed;
    },
  };
}
