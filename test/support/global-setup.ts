import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startContainerd } from "./containerd.ts";
import { killProcessesBelow, mountsBelow, processesBelow, unmountBelow } from "./leftovers.ts";
import type { TestHost } from "./namespace.ts";
import { startRegistry } from "./registry.ts";
import { waitUntil } from "./wait-until.ts";

/**
 * Starts what a whole run shares, a containerd and a registry, and gives back the way to end it. Wharf's supervisor is
 * started by the first command that needs it, as on any host.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "wharf-t-"));
  const containerd = await startContainerd();
  const registry = await startRegistry();
  const host: TestHost = {
    address: containerd.address,
    containerdVersion: containerd.version,
    dataRoot: join(directory, "data"),
    runRoot: join(directory, "run"),
    registry: registry.host,
  };
  project.provide("host", host);
  console.log(`containerd ${containerd.version} at ${containerd.address}, registry at ${registry.host}`);
  return async () => {
    const left: string[] = [];
    try {
      await stopSupervisors(host);
      left.push(...(await containersLeft(containerd)));
    } finally {
      await registry[Symbol.asyncDispose]();
      await containerd[Symbol.asyncDispose]();
      left.push(...(await processesBelow(directory)).map(({ commandLine }) => `process: ${commandLine}`));
      left.push(...(await mountsBelow(directory)).map((mountPoint) => `mount: ${mountPoint}`));
      await killProcessesBelow(directory);
      await unmountBelow(directory);
      await rm(directory, { recursive: true, force: true });
    }
    if (left.length > 0) throw new Error(`the tests left behind:\n${left.join("\n")}`);
  };
}

/** By its PID file, so that this works whatever state the command line is in. */
async function stopSupervisors(host: TestHost): Promise<void> {
  const files = await readdir(host.runRoot, { recursive: true }).catch(() => []);
  for (const file of files.filter((name) => name.endsWith("supervisor.pid"))) {
    const pid = Number(await readFile(join(host.runRoot, file), "utf8"));
    if (!isRunning(pid)) continue;
    process.kill(pid, "SIGTERM");
    await waitUntil(`the supervisor ${pid} has ended`, () => !isRunning(pid));
  }
}

async function containersLeft({ client }: Awaited<ReturnType<typeof startContainerd>>): Promise<string[]> {
  const left: string[] = [];
  for (const { name } of await client.namespaces.list()) {
    const inNamespace = client.withNamespace(name);
    left.push(...(await inNamespace.tasks.list()).map(({ containerId }) => `task: ${name}/${containerId}`));
    left.push(...(await inNamespace.containers.list()).map(({ id }) => `container: ${name}/${id}`));
  }
  return left;
}

function isRunning(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}
