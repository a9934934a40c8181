import { connect, createServer, type Server } from "node:net";
import { EngineError } from "../errors.ts";

/** The length of `sun_path`. Older Node pads abstract names to it and newer does not, so the name is padded here. */
const ABSTRACT_NAME_LENGTH = 108;

/** Long enough for a slow host's work under the lock, short enough to tell a person that something hangs. */
const PATIENCE_MS = 30_000;

/**
 * Runs a task while no other wharf process does one in this network namespace. The lock is a listening socket with an
 * abstract name: such names belong to the network namespace, just as devices and firewall rules do, and the kernel
 * frees them when their owner dies. It locks nothing of anybody else's.
 *
 * @throws EngineError `deadline-exceeded` if another process keeps the lock too long.
 */
export async function withHostLock<T>(name: string, task: () => Promise<T>): Promise<T> {
  const server = await acquire(`\0wharf-${name}`.padEnd(ABSTRACT_NAME_LENGTH, "\0"), performance.now() + PATIENCE_MS);
  const waiting = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => {
    waiting.add(socket.on("error", () => undefined).once("close", () => waiting.delete(socket)));
  });
  try {
    return await task();
  } finally {
    server.close();
    for (const socket of waiting) socket.destroy();
  }
}

async function acquire(path: string, deadline: number): Promise<Server> {
  while (performance.now() < deadline) {
    const server = await listen(path);
    if (server !== undefined) return server;
    await ownerGone(path, deadline - performance.now());
  }
  throw new EngineError("deadline-exceeded", "another wharf process is busy with this host's networks for too long");
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => resolve(server));
  });
}

/** Waits on a connection to the lock's owner, which ends when the owner is done or dead. */
function ownerGone(path: string, patienceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.setTimeout(patienceMs, () => socket.destroy());
    socket.on("error", () => undefined).once("close", () => resolve());
  });
}
