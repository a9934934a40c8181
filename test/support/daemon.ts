import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { waitUntil } from "./wait-until.ts";

const STOP_TIMEOUT_MS = 10_000;

/** A server that a test run started, with its output in a file. */
export interface Daemon {
  readonly pid: number;
  /** Ends it: by SIGTERM, and by SIGKILL if that does not help. */
  stop(): Promise<void>;
  /** Ends it as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts a program and waits until `isReady`.
 *
 * @throws Error with the end of its output when it dies before, or is not ready in time.
 */
export async function startDaemon(
  command: string,
  args: readonly string[],
  options: { readonly logPath: string; readonly env?: NodeJS.ProcessEnv; readonly isReady: () => Promise<boolean> },
): Promise<Daemon> {
  const log = openSync(options.logPath, "a");
  // A test process that is killed takes its daemons with it.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", command, ...args], {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...options.env },
  });
  closeSync(log);
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = error;
  });
  try {
    await waitUntil(`${command} is ready`, async () => {
      if (hasEnded(child) || failure) return true;
      return await options.isReady();
    });
    if (failure) throw failure;
    if (hasEnded(child)) throw new Error(`${command} ended with ${child.exitCode ?? child.signalCode}`);
  } catch (cause) {
    await end(child, "SIGKILL");
    const tail = readFileSync(options.logPath, "utf8").split("\n").slice(-15).join("\n");
    throw new Error(`${command} did not start:\n${tail}`, { cause });
  }
  return {
    pid: child.pid as number,
    stop: () => end(child, "SIGTERM"),
    kill: () => end(child, "SIGKILL"),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  child.kill(signal);
  try {
    await waitUntil(`process ${child.pid} has ended`, () => hasEnded(child), STOP_TIMEOUT_MS);
  } catch (error) {
    if (signal === "SIGKILL") throw error;
    await end(child, "SIGKILL");
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
