import { rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import type { Settings } from "../model/settings.ts";
import { apiSocketPath, supervisorPidPath } from "../store/layout.ts";
import { makePrivateDirectory } from "../store/private-directory.ts";

/** How long the supervisor that holds the lock may take until it answers. */
const OTHER_DEADLINE_MS = 5_000;
const POLL_MS = 20;

/**
 * The right to be the one supervisor of a run root. It is a listening socket in the kernel's abstract name space: taken
 * by one process in one step, and free the moment that process is gone, however it went.
 */
export class SupervisorLock {
  readonly #settings: Settings;
  readonly #server: Server;

  private constructor(settings: Settings, server: Server) {
    this.#settings = settings;
    this.#server = server;
  }

  /**
   * Takes the lock and writes the pid file; undefined when another supervisor has it and answers, which is as good.
   *
   * @throws Error when somebody has it who does not answer; EngineError `permission-denied` when the run root is not
   * safe to write to.
   */
  static async acquire(settings: Settings): Promise<SupervisorLock | undefined> {
    makePrivateDirectory(settings.runRoot);
    const deadline = performance.now() + OTHER_DEADLINE_MS;
    while (performance.now() < deadline) {
      const server = await listenIfFree(`\0wharf-supervisor:${settings.runRoot}`);
      if (server) {
        writeFileSync(supervisorPidPath(settings), `${process.pid}\n`);
        return new SupervisorLock(settings, server);
      }
      if (await answers(apiSocketPath(settings))) return undefined;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`another process holds the lock of ${settings.runRoot} and does not answer`);
  }

  release(): void {
    rmSync(supervisorPidPath(this.#settings), { force: true });
    this.#server.close();
  }
}

async function listenIfFree(name: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return await new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => resolve(server.unref()));
  });
}

/** True when somebody accepts connections at `socketPath`. */
async function answers(socketPath: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/**
 * Calls `stop` once, when the supervisor is asked to end. The signals of a terminal are not for it: it may have been
 * started from one, and outlives it.
 */
export function onStopSignal(stop: () => void): void {
  for (const signal of ["SIGHUP", "SIGINT", "SIGPIPE"] as const) process.on(signal, () => undefined);
  process.once("SIGTERM", stop);
}
