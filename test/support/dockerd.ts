import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { type Daemon, startDaemon } from "./daemon.ts";
import { unmountBelow } from "./leftovers.ts";
import { type ProgramResult, runProgram } from "./program.ts";

export interface DockerdOptions {
  /** Which of scripts/peers.sh's dockers. */
  readonly version?: string;
  /** Features to switch on, such as `containerd-snapshotter`. */
  readonly features?: readonly string[];
}

/** The directory of a docker's programs. */
function peerOf(version: string): string {
  const peer = resolve(process.env.WHARF_PEERS_DIR ?? ".peers", `docker-${version}/bin`);
  if (!existsSync(join(peer, "dockerd"))) throw new Error(`no docker in ${peer}: run scripts/peers.sh`);
  return peer;
}

/**
 * A real docker, unpacked by scripts/peers.sh, with roots, socket and network namespace of its own: what it does to
 * interfaces and iptables goes with that namespace.
 */
export class Dockerd implements AsyncDisposable {
  private constructor(
    private readonly directory: string,
    private readonly peer: string,
    private readonly daemon: Daemon,
  ) {}

  /** Starts the daemon and returns once it answers. */
  static async start({ version = "28", features = [] }: DockerdOptions = {}): Promise<Dockerd> {
    const peer = peerOf(version);
    const directory = await mkdtemp(join(tmpdir(), "dockerd-"));
    const netns = basename(directory);
    await runProgram("ip", ["netns", "add", netns]);
    await runProgram("ip", ["-netns", netns, "link", "set", "lo", "up"]);
    const args = [
      `--net=/run/netns/${netns}`,
      join(peer, "dockerd"),
      ...["--data-root", join(directory, "data")],
      ...["--exec-root", join(directory, "run")],
      ...["--pidfile", join(directory, "pid")],
      ...["--host", `unix://${join(directory, "docker.sock")}`],
      ...["--init-path", "/usr/bin/tini-static"],
      ...features.map((feature) => `--feature=${feature}`),
    ];
    const daemon = await startDaemon("nsenter", args, {
      logPath: join(directory, "log"),
      // A containerd that is slow to answer is asked by dockerd for its stacks, which it writes there.
      env: { PATH: `${peer}:${process.env.PATH}`, TMPDIR: directory },
      isReady: async () => (await clientOf(directory, peer, ["version"])).exitCode === 0,
    });
    return new Dockerd(directory, peer, daemon);
  }

  /** Path of docker's own command line. */
  get client(): string {
    return join(this.peer, "docker");
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
    const { exitCode, stderr } = await clientOf(this.directory, this.peer, ["load"], archive);
    if (exitCode !== 0) throw new Error(`docker load: ${stderr}`);
  }

  /** Runs docker's own command line, which must succeed. */
  async docker(...args: string[]): Promise<ProgramResult> {
    const result = await clientOf(this.directory, this.peer, args);
    if (result.exitCode !== 0) throw new Error(`docker ${args.join(" ")}: ${result.stderr}`);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.stop();
    await unmountBelow(this.directory);
    await runProgram("ip", ["netns", "delete", basename(this.directory)]);
    await rm(this.directory, { recursive: true, force: true });
  }
}

function clientOf(directory: string, peer: string, args: readonly string[], stdin: Buffer = Buffer.alloc(0)) {
  const env = { ...process.env, ...environmentOf(directory) };
  return runProgram(join(peer, "docker"), args, { env, stdin, mayFail: true });
}

function environmentOf(directory: string): Record<string, string> {
  return { DOCKER_HOST: `unix://${join(directory, "docker.sock")}`, DOCKER_CONFIG: join(directory, "config") };
}
