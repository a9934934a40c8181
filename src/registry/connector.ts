import { connect, type OnReadOpts, type Socket } from "node:net";
import type { buildConnector } from "undici";
import buildUndiciConnector from "undici/lib/core/connect.js";

/** As much as one read takes from the kernel: four times Node's own. */
const READ_BYTES = 256 * 1024;
/** Reads up to this size are copied: they may hold a part of the headers, which undici keeps until it has all of them. */
const SMALL_BYTES = 64 * 1024;
const CONNECT_TIMEOUT_MS = 30_000;

/**
 * How undici connects: by its own connector over TLS, where decrypting rules the cost, and with larger reads over plain
 * TCP, into memory that is used again. A pull from a registry on loopback takes half as much processor time by that.
 */
export function connectorFor({ insecure }: { readonly insecure: boolean }): buildConnector.connector {
  const connectTls = buildUndiciConnector({ timeout: CONNECT_TIMEOUT_MS, rejectUnauthorized: !insecure });
  return (options, callback) => {
    if (options.protocol === "https:") connectTls(options, callback);
    else connectPlain(options, callback);
  };
}

function connectPlain({ hostname, port }: buildConnector.Options, callback: buildConnector.Callback): void {
  const socket: Socket = connect({
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port || 80),
    noDelay: true,
    onread: readBuffers((chunk) => {
      const goOn = socket.push(chunk);
      return { goOn, isOnlyOne: socket.readableLength === chunk.length };
    }),
  });
  const timer = setTimeout(() => {
    socket.destroy(Object.assign(new Error("connect timed out"), { code: "ETIMEDOUT" }));
  }, CONNECT_TIMEOUT_MS);
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
