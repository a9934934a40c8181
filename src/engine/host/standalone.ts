import { spawn } from "node:child_process";
import { mkdir, open, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { basename, join } from "node:path";
import { kill } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../../errors.ts";
import type { StandaloneLayout } from "../../model/standalone-layout.ts";
import { daemonEnvironment } from "../../program-environment.ts";
import { findExecutable } from "./search-path.ts";

export interface StandaloneStatus {
  readonly running: boolean;
  /** `undefined` when it does not run. */
  readonly pid: number | undefined;
}

export interface StartStandaloneRequest {
  /** Where containerd is looked for, and where it looks for its shim and runc. */
  readonly searchPath: readonly string[];
  readonly signal: AbortSignal;
}

const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 20_000;
const POLL_MS = 20;

/** Tells whether the standalone containerd runs. */
export async function standaloneStatus(layout: StandaloneLayout): Promise<StandaloneStatus> {
  const pid = await readPid(layout);
  return { running: pid !== undefined, pid };
}

/**
 * Starts the standalone containerd in a session of its own and returns once it answers. Does nothing when it runs.
 *
 * @throws EngineError `failed-precondition` when containerd is not installed; `unavailable` when it does not come up,
 * whose hint names its log.
 */
export async function startStandalone(
  layout: StandaloneLayout,
  { searchPath, signal }: StartStandaloneRequest,
): Promise<number> {
  const running = await readPid(layout);
  if (running !== undefined) return running;
  const executable = await findExecutable(["containerd"], searchPath);
  if (executable === undefined) {
    throw new EngineError("failed-precondition", "containerd is not installed", {
      hint: "install it with: wharf system install --yes",
    });
  }
  await mkdir(layout.root, { recursive: true, mode: 0o700 });
  await mkdir(layout.state, { recursive: true, mode: 0o700 });
  await writeFile(configPath(layout), configuration(layout));
  const pid = await spawnDetached(layout, executable, searchPath);
  await writeFile(pidPath(layout), `${pid}\n`);
  await waitUntilItAnswers(layout, signal);
  return pid;
}

/**
 * Stops the standalone containerd. Containers run on, and are found again by the next start.
 * Returns false when it did not run.
 */
export async function stopStandalone(layout: StandaloneLayout, signal: AbortSignal): Promise<boolean> {
  const pid = await readPid(layout);
  if (pid === undefined) return false;
  kill(pid, "SIGTERM");
  const stopped = await poll(async () => (await readPid(layout)) === undefined, STOP_DEADLINE_MS, signal);
  if (!stopped) throw new EngineError("deadline-exceeded", `containerd (pid ${pid}) does not stop`);
  // containerd leaves its socket, and one that is there counts as a containerd to speak to.
  for (const path of [pidPath(layout), layout.socket]) await rm(path, { force: true });
  return true;
}

/** Where its own messages go. */
export function standaloneLogPath(layout: StandaloneLayout): string {
  return join(layout.root, "containerd.log");
}

function configPath(layout: StandaloneLayout): string {
  return join(layout.root, "config.toml");
}

function pidPath(layout: StandaloneLayout): string {
  return join(layout.state, "containerd.pid");
}

/**
 * Version 2 is read by all containerds since 1.3. CRI and NRI, by their names in 1.x and 2.x, claim fixed places of the
 * host; the restart monitor would compete with wharf's supervisor.
 */
function configuration(layout: StandaloneLayout): string {
  const disabledPlugins = [
    "io.containerd.grpc.v1.cri",
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
    "io.containerd.nri.v1.nri",
    "io.containerd.internal.v1.restart",
  ];
  return `version = 2
root = ${JSON.stringify(layout.root)}
state = ${JSON.stringify(layout.state)}
disabled_plugins = ${JSON.stringify(disabledPlugins)}

[grpc]
  address = ${JSON.stringify(layout.socket)}

[ttrpc]
  address = ${JSON.stringify(`${layout.socket}.ttrpc`)}

[plugins."io.containerd.internal.v1.opt"]
  path = ${JSON.stringify(`${layout.root}/opt`)}
`;
}

async function spawnDetached(
  layout: StandaloneLayout,
  executable: string,
  searchPath: readonly string[],
): Promise<number> {
  await using log = await open(standaloneLogPath(layout), "a", 0o600);
  const child = spawn(executable, ["--config", configPath(layout)], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    env: { ...daemonEnvironment(), PATH: searchPath.join(":") },
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  child.unref();
  return child.pid as number;
}

/** The pid in the pid file if that process is our containerd still, and not another that got its number. */
async function readPid(layout: StandaloneLayout): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(pidPath(layout), "utf8"), 10);
    const commandLine = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
    const isOurs = basename(await readlink(`/proc/${pid}/exe`)).startsWith("containerd");
    return isOurs && commandLine.includes(configPath(layout)) ? pid : undefined;
  } catch {
    // No pid file, or no such process: it does not run.
    return undefined;
  }
}

async function waitUntilItAnswers(layout: StandaloneLayout, signal: AbortSignal): Promise<void> {
  let died = false;
  const answered = await poll(
    async () => {
      died = (await readPid(layout)) === undefined;
      return died || (await accepts(layout.socket));
    },
    START_DEADLINE_MS,
    signal,
  );
  if (answered && !died) return;
  throw new EngineError("unavailable", `the standalone containerd ${died ? "ended at once" : "does not answer"}`, {
    hint: `its log is ${standaloneLogPath(layout)}`,
  });
}

async function accepts(socketPath: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(socketPath);
    const settle = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}

async function poll(condition: () => Promise<boolean>, deadlineMs: number, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + deadlineMs;
  while (performance.now() < deadline) {
    if (await condition()) return true;
    await delay(POLL_MS, undefined, { signal });
  }
  return false;
}
