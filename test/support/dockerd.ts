import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { type Daemon, startDaemon } from "./daemon.ts";
import { unmountBelow } from "./leftovers.ts";
import { runProgram } from "./program.ts";

const PEER = resolve(process.env.WHARF_PEERS_DIR ?? ".peers", "docker-28/bin");

/**
 * A real docker, unpacked by scripts/peers.sh, with roots, socket and network namespace of its own: what it does to
 * interfaces and iptables goes with that namespace.
 */
export class Dockerd implements AsyncDisposable {
  private constructor(
    private readonly directory: string,
    private readonly daemon: Daemon,
  ) {}

  /** Starts the daemon and returns once it answers. */
  static async start(): Promise<Dockerd> {
    if (!existsSync(join(PEER, "dockerd"))) throw new Error(`no docker in ${PEER}: run scripts/peers.sh`);
    const directory = await mkdtemp(join(tmpdir(), "dockerd-"));
    const netns = basename(directory);
    await runProgram("ip", ["netns", "add", netns]);
    await runProgram("ip", ["-netns", netns, "link", "set", "lo", "up"]);
    const args = [
      `--net=/run/netns/${netns}`,
      join(PEER, "dockerd"),
      ...["--data-root", join(directory, "data")],
      ...["--exec-root", join(directory, "run")],
      ...["--pidfile", join(directory, "pid")],
      ...["--host", `unix://${join(directory, "docker.sock")}`],
      ...["--init-path", "/usr/bin/tini-static"],
    ];
    const daemon = await startDaemon("nsenter", args, {
      logPath: join(directory, "log"),
      env: { PATH: `${PEER}:${process.env.PATH}` },
      isReady: async () => (await clientOf(directory, ["version"])).exitCode === 0,
    });
    return new Dockerd(directory, daemon);
  }

  /** Path of docker's own command line. */
  get client(): string {
    return join(PEER, "docker");
  }

  get pid(): number {
    return this.daemon.pid;
  }

  /** Of the containerd that dockerd keeps for itself. */
  async containerdPid(): Promise<number> {
    return Number(await readFile(join(this.directory, "run/containerd/containerd.pid"), "utf8"));
  }

  get netnsPath(): string {
    return `/run/netns/${basename(this.directory)}`;
  }

  /** What the client is run with: this daemon, and no configuration of the user. */
  get environment(): Record<string, string> {
    return environmentOf(this.directory);
  }

  /** Loads an image's archive. */
  async load(archive: Buffer): Promise<void> {
    const { exitCode, stderr } = await clientOf(this.directory, ["load"], archive);
    if (exitCode !== 0) throw new Error(`docker load: ${stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.stop();
    await unmountBelow(this.directory);
    await runProgram("ip", ["netns", "delete", basename(this.directory)]);
    await rm(this.directory, { recursive: true, force: true });
  }
}

function clientOf(directory: string, args: readonly string[], stdin: Buffer = Buffer.alloc(0)) {
  const env = { ...process.env, ...environmentOf(directory) };
  return runProgram(join(PEER, "docker"), args, { env, stdin, mayFail: true });
}

function environmentOf(directory: string): Record<string, string> {
  return { DOCKER_HOST: `unix://${join(directory, "docker.sock")}`, DOCKER_CONFIG: join(directory, "config") };
}
