import { spawn } from "node:child_process";
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { EngineApi, type EngineApiOptions } from "../api/client.ts";
import { EngineError } from "../errors.ts";
import type { Settings } from "../model/settings.ts";
import { daemonEnvironment } from "../program-environment.ts";
import { apiSocketPath, supervisorLogPath, supervisorStartPath } from "../store/layout.ts";
import { warn } from "./output.ts";
import { VERSION } from "./version.ts";

const START_DEADLINE_MS = 15_000;
const POLL_MS = 5;
/** How often those look who wait for another command's supervisor: not so often that they hold it up. */
const OTHERS_POLL_MS = 25;
/** How much of the supervisor's log tells why it did not start. */
const LOG_TAIL_BYTES = 2_000;

/** Set by the build, which compiles the supervisor's code under the same flags. */
declare const SUPERVISOR_NODE_FLAGS: readonly string[];

/**
 * What the supervisor's C library is told: buffers of output, 64 KiB each, go back to the system as soon as they are free.
 * Left to itself glibc keeps them, 15 MB more for good once a container has written much.
 */
const SUPERVISOR_ENVIRONMENT = {
  MALLOC_MMAP_THRESHOLD_: "65536",
  MALLOC_TRIM_THRESHOLD_: "131072",
  MALLOC_ARENA_MAX: "2",
};

/** Finds the supervisor of this containerd, or starts it, and returns a client of its Engine API. */
export async function openSupervisor(settings: Settings, { signal }: { signal: AbortSignal }): Promise<EngineApi> {
  const reopen = async () => {
    if (!(await accepts(apiSocketPath(settings)))) await startSupervisor(settings, { signal });
  };
  await reopen();
  return supervisorApi(settings, { reopen });
}

/** A client of the supervisor, whether one runs or not. */
export function supervisorApi(settings: Settings, { reopen }: Pick<EngineApiOptions, "reopen"> = {}): EngineApi {
  return new EngineApi({
    socketPath: apiSocketPath(settings),
    namespace: settings.namespace,
    snapshotter: settings.snapshotter,
    reopen,
    onServer: (server) => {
      const version = /^wharf\/(\S+)/.exec(server)?.[1];
      if (version === undefined || version === VERSION) return;
      warn(
        `the supervisor is wharf ${version} and this is ${VERSION}; \`wharf supervisor stop\` lets the new one in, containers run on`,
      );
    },
  });
}

/** True when a supervisor accepts connections. */
export async function accepts(socketPath: string): Promise<boolean> {
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
 * Starts the supervisor in a session of its own, its output in a log file, and returns once it accepts connections. Of
 * several commands that want one at once the first starts it. If two do all the same, one of the two supervisors finds
 * the other and ends; either command is served.
 *
 * @throws EngineError `unavailable` with the end of the log when it does not come up; `permission-denied` when others
 * than root could meddle with its files.
 */
export async function startSupervisor(settings: Settings, { signal }: { signal: AbortSignal }): Promise<void> {
  const logPath = supervisorLogPath(settings);
  const socketPath = apiSocketPath(settings);
  const { makePrivateDirectory } = await import("../store/private-directory.ts");
  makePrivateDirectory(settings.dataRoot);
  makePrivateDirectory(settings.runRoot);
  // What the supervisor would fail at first is better said here, where somebody sees it.
  accessSync(settings.runRoot, constants.W_OK);
  const { takeStartTurn } = await import("./start-turn.ts");
  let turn: Disposable | undefined;
  let supervisor: StartedSupervisor | undefined;
  const deadline = performance.now() + START_DEADLINE_MS;
  try {
    while (!(await accepts(socketPath))) {
      if (supervisor?.end === "failed" || performance.now() > deadline) {
        throw new EngineError("unavailable", ...whyNotStarted(logPath));
      }
      turn ??= takeStartTurn(supervisorStartPath(settings));
      // One that is gone gave way to another one, which may have been killed since, or was killed itself.
      if (turn !== undefined && supervisor?.end !== "running") supervisor = spawnSupervisor(settings, logPath);
      await delay(turn === undefined ? OTHERS_POLL_MS : POLL_MS, undefined, { signal });
    }
  } finally {
    turn?.[Symbol.dispose]();
  }
}

interface StartedSupervisor {
  /** Whether it has ended, and how: `gone` is no fault of its own. */
  readonly end: "running" | "failed" | "gone";
}

function spawnSupervisor(settings: Settings, logPath: string): StartedSupervisor {
  const log = openSync(logPath, "a", 0o640);
  const child = spawn(process.execPath, [...SUPERVISOR_NODE_FLAGS, supervisorProgram(), JSON.stringify(settings)], {
    stdio: ["ignore", log, log],
    detached: true,
    cwd: "/",
    env: { ...daemonEnvironment(), ...SUPERVISOR_ENVIRONMENT },
  });
  closeSync(log);
  child.unref();
  const supervisor: { end: StartedSupervisor["end"] } = { end: "running" };
  child.once("exit", (code, signal) => {
    supervisor.end = code === 0 || signal === "SIGKILL" ? "gone" : "failed";
  });
  child.once("error", () => {
    supervisor.end = "failed";
  });
  return supervisor;
}

/** The supervisor's bundle, which the build puts beside the command line's. */
function supervisorProgram(): string {
  const program = fileURLToPath(new URL("./supervisor.cjs", import.meta.url));
  if (!existsSync(program)) throw new EngineError("unavailable", `the supervisor's program ${program} is missing`);
  return program;
}

function whyNotStarted(logPath: string): [message: string, options: { hint: string }] {
  const text = readFileSync(logPath, "utf8").slice(-LOG_TAIL_BYTES).trim();
  return ["the supervisor did not start", { hint: `the end of ${logPath}:\n${text}` }];
}
