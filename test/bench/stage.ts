import { access, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startContainerd, type TestContainerd } from "../support/containerd.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { Dockerd } from "../support/dockerd.ts";
import { busyboxImage, dockerArchive, importImage, randomLayer } from "../support/images.ts";
import { processesBelow } from "../support/leftovers.ts";
import { runProgram } from "../support/program.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { measure } from "./measure.ts";
import { command, type Peer } from "./peer.ts";
import type { Stage } from "./rows.ts";

const IMAGE = "docker.io/library/busybox:latest";
const LAYERS = 8;
const LARGE_BYTES = 300_000_000;

/** Daemons, registry and images, and the peers that are there. */
export interface BenchStage extends Stage, AsyncDisposable {
  readonly peers: readonly Peer[];
  readonly containerdVersion: string;
}

/** Starts all that the rows need; leaving the scope ends it. */
export async function setStage(): Promise<BenchStage> {
  const directory = await mkdtemp(join(tmpdir(), "wharf-b-"));
  // As on any host: a run root lies on a tmpfs.
  const runRoot = await mkdtemp("/run/wharf-b-");
  const containerd = await startContainerd();
  const registry = await startRegistry();
  const dockerd = await Dockerd.start();
  const dockersRegistry = await startRegistryBeside(dockerd, registry);
  const small = await busyboxImage();
  const archive = await dockerArchive(small, ["busybox:latest"]);
  await importImage(containerd.client, IMAGE, small);
  await dockerd.load(archive);
  const layers = Array.from({ length: LAYERS }, (_, index) => randomLayer(LARGE_BYTES / LAYERS, `data${index}`));
  const largeImage = await registry.push("large", await busyboxImage({ layers }));
  const wharf = await wharfPeer(containerd, { dataRoot: join(directory, "data"), runRoot });
  const nerdctl = await nerdctlPeer(containerd, archive);
  return {
    image: IMAGE,
    largeImage,
    containerdVersion: containerd.version,
    peers: [wharf, ctrPeer(containerd, await containerdPid(containerd)), await dockerPeer(dockerd), ...nerdctl],
    collectGarbage: async ({ name }) => {
      if (name !== "docker") await collectGarbage(containerd);
    },
    async [Symbol.asyncDispose]() {
      await measure(command(wharf, "supervisor", "stop"));
      await dockersRegistry.stop();
      await dockerd[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await containerd[Symbol.asyncDispose]();
      for (const made of [directory, runRoot]) await rm(made, { recursive: true, force: true });
    },
  };
}

/** dockerd has a network namespace of its own, where the registry's port is another: the same files, served there. */
async function startRegistryBeside(dockerd: Dockerd, registry: TestRegistry): Promise<Daemon> {
  const enter = `--net=${dockerd.netnsPath}`;
  return await startDaemon("nsenter", [enter, "docker-registry", "serve", registry.configPath], {
    logPath: `${registry.configPath}.beside.log`,
    isReady: async () => {
      const url = `http://${registry.host}/v2/`;
      return (await runProgram("nsenter", [enter, "busybox", "wget", "-q", "-O", "-", url])).exitCode === 0;
    },
  });
}

async function wharfPeer(
  containerd: TestContainerd,
  { dataRoot, runRoot }: { readonly dataRoot: string; readonly runRoot: string },
): Promise<Peer> {
  const program = resolve("bin/wharf");
  const env = {
    ...process.env,
    CONTAINERD_ADDRESS: containerd.address,
    WHARF_DATA_ROOT: dataRoot,
    WHARF_RUN_ROOT: runRoot,
  };
  const { version } = JSON.parse(await readFile("package.json", "utf8"));
  const peer = { name: "wharf" as const, version, program, env, globalArgs: [] };
  return {
    ...peer,
    containerdPid: await containerdPid(containerd),
    enginePid: () => supervisorPid(runRoot),
  };
}

/** By its pid file: the process has a name of its own and no path in it. */
async function supervisorPid(runRoot: string): Promise<number> {
  const files = await readdir(runRoot, { recursive: true });
  const file = files.find((name) => name.endsWith("supervisor.pid"));
  if (file === undefined) throw new Error(`no supervisor runs in ${runRoot}`);
  return Number(await readFile(join(runRoot, file), "utf8"));
}

/** ctr works in wharf's namespace, and sees the same images and containers. */
function ctrPeer(containerd: TestContainerd, pid: number): Peer {
  return {
    name: "ctr",
    version: containerd.version.replace(/[~+].*/, ""),
    program: "ctr",
    env: process.env,
    globalArgs: ["--address", containerd.address, "--namespace", "default"],
    enginePid: async () => 0,
    containerdPid: pid,
  };
}

async function dockerPeer(dockerd: Dockerd): Promise<Peer> {
  const env = { ...process.env, ...dockerd.environment };
  const asked = await runProgram(dockerd.client, ["version", "--format", "{{.Server.Version}}"], { env });
  return {
    name: "docker",
    version: asked.stdout.trim().replace(/[~+].*/, ""),
    program: dockerd.client,
    env,
    globalArgs: [],
    enginePid: async () => dockerd.pid,
    containerdPid: await dockerd.containerdPid(),
  };
}

/** nerdctl, where it is installed. */
async function nerdctlPeer(containerd: TestContainerd, archive: Buffer): Promise<Peer[]> {
  const program = (process.env.PATH ?? "").split(":").map((directory) => join(directory, "nerdctl"));
  const found = await firstThatExists(program);
  if (found === undefined) return [];
  const globalArgs = ["--address", containerd.address, "--namespace", "nerdctl", "--insecure-registry"];
  await runProgram(found, [...globalArgs, "load"], { stdin: archive });
  const { stdout } = await runProgram(found, ["--version"]);
  return [
    {
      name: "nerdctl",
      version: stdout.trim().split(" ").at(-1) ?? "",
      program: found,
      env: process.env,
      globalArgs,
      enginePid: async () => 0,
      containerdPid: await containerdPid(containerd),
    },
  ];
}

async function firstThatExists(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (exists) return path;
  }
  return undefined;
}

async function containerdPid({ directory }: TestContainerd): Promise<number> {
  const processes = await processesBelow(directory);
  const daemon = processes.find(({ commandLine }) => /containerd --config/.test(commandLine));
  if (daemon === undefined) throw new Error(`no containerd runs in ${directory}`);
  return daemon.pid;
}

/** Deleting a lease is the one call that waits for the collector. */
async function collectGarbage(containerd: TestContainerd): Promise<void> {
  const lease = await containerd.client.leases.create({ expiresInMs: 60_000 });
  await containerd.client.leases.delete(lease.id, { sync: true });
}
