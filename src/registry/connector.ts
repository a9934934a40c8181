import { connect, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, type TLSSocket } from "node:tls";
import type { buildConnector } from "undici";
import buildUndiciConnector from "undici/lib/core/connect.js";
import { bareHost } from "./address-range.ts";
import type { Trust } from "./hosts.ts";
import { proxyAuthorization } from "./proxy.ts";
import { readCertificate, type TrustedRoots } from "./trusted-roots.ts";

/** As much as one read takes from the kernel: four times Node's own. */
const READ_BYTES = 256 * 1024;
/** Reads up to this size are copied: they may hold a part of the headers, which undici keeps until it has all of them. */
const SMALL_BYTES = 64 * 1024;
/** A proxy's answer to CONNECT has a few lines. */
const MAX_PROXY_ANSWER_BYTES = 16 * 1024;

export interface ConnectorOptions {
  readonly trust: Trust;
  readonly roots: TrustedRoots;
  /** Through which TLS connections are made. */
  readonly proxy?: URL | undefined;
  readonly connectTimeoutMs: number;
}

/**
 * How undici connects: by its own connector over TLS, where decrypting rules the cost, and with larger reads over plain
 * TCP, into memory that is used again. A pull from a registry on loopback takes half as much processor time by that.
 * What TLS needs is read when it is first spoken.
 */
export function connectorFor({ trust, roots, proxy, connectTimeoutMs }: ConnectorOptions): buildConnector.connector {
  let secure: Promise<buildConnector.connector> | undefined;
  const openSecure = async () => {
    const secureContext = await secureContextOf(trust, roots);
    const verified = trust.skipVerify === undefined;
    return buildUndiciConnector({ timeout: connectTimeoutMs, rejectUnauthorized: verified, secureContext });
  };
  return (options, callback) => {
    if (options.protocol !== "https:") {
      connectPlain(options, connectTimeoutMs, callback);
      return;
    }
    secure ??= openSecure();
    const tunnel = proxy === undefined ? undefined : openTunnel(proxy, options, { roots, connectTimeoutMs });
    Promise.all([secure, tunnel]).then(
      ([connectSecurely, httpSocket]) => {
        connectSecurely(httpSocket === undefined ? options : { ...options, httpSocket }, callback);
      },
      (error: Error) => callback(error, null),
    );
  };
}

/** One for all connections of an agent: reading a hundred authorities takes longer than a handshake. */
async function secureContextOf(trust: Trust, roots: TrustedRoots) {
  const clients = await Promise.all(
    (trust.clients ?? []).map(async ({ cert, key = cert }) => {
      return { cert: await readCertificate(cert), key: await readCertificate(key) };
    }),
  );
  return createSecureContext({
    ...(trust.skipVerify === undefined && { ca: await roots.with(trust) }),
    ...(clients.length > 0 && { cert: clients.map(({ cert }) => cert), key: clients.map(({ key }) => key) }),
  });
}

function connectPlain(
  { hostname, port }: buildConnector.Options,
  timeoutMs: number,
  callback: buildConnector.Callback,
): void {
  const socket: Socket = connect({
    host: bareHost(hostname),
    port: Number(port || 80),
    noDelay: true,
    onread: readBuffers((chunk) => {
      const goOn = socket.push(chunk);
      return { goOn, isOnlyOne: socket.readableLength === chunk.length };
    }),
  });
  const timer = setTimeout(() => socket.destroy(timedOut()), timeoutMs);
  const fail = (error: Error) => {
    clearTimeout(timer);
    callback(error, null);
  };
  socket.once("error", fail);
  socket.once("connect", () => {
    clearTimeout(timer);
    socket.off("error", fail);
    callback(null, socket);
  });
}

/** Has a proxy connect us to a host, and returns the connection, in which TLS begins. */
async function openTunnel(
  proxy: URL,
  { hostname, port }: buildConnector.Options,
  { roots, connectTimeoutMs }: Pick<ConnectorOptions, "roots" | "connectTimeoutMs">,
): Promise<Socket> {
  const socket = await connectToProxy(proxy, roots);
  const target = `${hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname}:${port || 443}`;
  const authorization = proxyAuthorization(proxy);
  const timer = setTimeout(() => socket.destroy(timedOut()), connectTimeoutMs);
  try {
    return await new Promise<Socket>((resolve, reject) => {
      let answer = "";
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("the proxy closed the connection")));
      socket.on("data", function read(chunk: Buffer) {
        answer += chunk.toString("latin1");
        const end = answer.indexOf("\r\n\r\n");
        if (end < 0 && answer.length < MAX_PROXY_ANSWER_BYTES) return;
        socket.off("data", read);
        const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1];
        if (end < 0 || status === undefined || !status.startsWith("2")) {
          reject(new Error(`the proxy ${proxy.host} answered ${status ?? "no HTTP"}`));
          return;
        }
        socket.removeAllListeners("close");
        socket.removeAllListeners("error");
        // The other end speaks second in TLS, so nothing of it can have come along.
        socket.pause();
        resolve(socket);
      });
      const head = [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`];
      if (authorization !== undefined) head.push(`Proxy-Authorization: ${authorization}`);
      socket.write(`${head.join("\r\n")}\r\n\r\n`);
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function connectToProxy(proxy: URL, roots: TrustedRoots): Promise<Socket | TLSSocket> {
  const host = bareHost(proxy.hostname);
  if (proxy.protocol === "https:") {
    const ca = await roots.with({});
    return connectTls({ host, port: Number(proxy.port || 443), servername: host, ca, ALPNProtocols: ["http/1.1"] });
  }
  return connect({ host, port: Number(proxy.port || 80), noDelay: true });
}

function timedOut(): Error {
  return Object.assign(new Error("connect timed out"), { code: "ETIMEDOUT" });
}

/**
 * Two buffers that take turns, for `connect`. `push` queues what was read, for undici's parser, and says whether that is
 * all that waits in the queue: then the other buffer has been parsed, and what it brought of a body has been copied.
 */
function readBuffers(push: (chunk: Buffer) => { readonly goOn: boolean; readonly isOnlyOne: boolean }): OnReadOpts {
  let current = Buffer.allocUnsafeSlow(READ_BYTES);
  let other = Buffer.allocUnsafeSlow(READ_BYTES);
  return {
    buffer: () => current,
    callback: (size) => {
      if (size < SMALL_BYTES) return push(Buffer.from(current.subarray(0, size))).goOn;
      const { goOn, isOnlyOne } = push(current.subarray(0, size));
      [current, other] = [isOnlyOne ? other : Buffer.allocUnsafeSlow(READ_BYTES), current];
      return goOn;
    },
  };
}
