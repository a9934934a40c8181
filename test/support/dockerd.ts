import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { access, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { runProgram } from "./program.ts";

const PEER = resolve(process.env["WHARF_PEERS_DIR"] ?? ".peers", "docker-28/bin");
const START_DEADLINE_MS = 60_000;

/**
 * A real docker, unpacked by scripts/peers.sh, with roots, socket and network namespace of its own: what it does to
 * interfaces and iptables goes with that namespace.
 */
export class Dockerd implements AsyncDisposable {
  private constructor(
    private readonly directory: string,
    private readonly netns: string,
    private readonly process: ChildProcess,
  ) {}

  /** Starts the daemon and returns once it answers. */
  static async start(): Promise<Dockerd> {
    if (!existsSync(join(PEER, "dockerd"))) throw new Error(`no docker in ${PEER}: run scripts/peers.sh`);
    const directory = await mkdtemp(join(tmpdir(), "dockerd-"));
    const netns = directory.slice(directory.lastIndexOf("/") + 1);
    await runProgram("ip", ["netns", "add", netns]);
    await runProgram("ip", ["-netns", netns, "link", "set", "lo", "up"]);
    await using log = await open(join(directory, "log"), "w");
    const daemon = spawn(
      "nsenter",
      [
        `--net=/run/netns/${netns}`,
        join(PEER, "dockerd"),
        ...["--data-root", join(directory, "data")],
        ...["--exec-root", join(directory, "run")],
        ...["--pidfile", join(directory, "pid")],
        ...["--host", `unix://${join(directory, "docker.sock")}`],
        ...["--init-path", "/usr/bin/tini-static"],
      ],
      { env: { ...process.env, PATH: `${PEER}:${process.env["PATH"]}` }, stdio: ["ignore", log.fd, log.fd] },
    );
    const dockerd = new Dockerd(directory, netns, daemon);
    await dockerd.waitUntilReady();
    return dockerd;
  }

  get socket(): string {
    return join(this.directory, "docker.sock");
  }

  /** Path of docker's own command line. */
  get client(): string {
    return join(PEER, "docker");
  }

  /** What the client is run with: this daemon, and no configuration of the user. */
  get environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env["PATH"],
      HOME: this.directory,
      DOCKER_HOST: `unix://${this.socket}`,
      DOCKER_CONFIG: join(this.directory, "config"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode === null) {
      const ended = new Promise((settle) => this.process.once("exit", settle));
      this.process.kill("SIGTERM");
      await ended;
    }
    await runProgram("umount", ["--recursive", join(this.directory, "data")], { mayFail: true });
    await runProgram("ip", ["netns", "delete", this.netns]);
    await rm(this.directory, { recursive: true, force: true });
  }

  private async waitUntilReady(): Promise<void> {
    const deadline = Date.now() + START_DEADLINE_MS;
    while (Date.now() < deadline && this.process.exitCode === null) {
      const ready = await access(this.socket).then(
        () => runProgram(this.client, ["version"], { env: this.environment, mayFail: true }),
        () => undefined,
      );
      if (ready?.exitCode === 0) return;
      await delay(50);
    }
    const log = await readFile(join(this.directory, "log"), "utf8");
    await this[Symbol.asyncDispose]();
    throw new Error(`dockerd did not come up:\n${log}`);
  }
}
