import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { expect } from "vitest";
import { NAME_LABEL } from "../../src/model/container-record.ts";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import type { CliOptions, CliResult } from "../support/cli.ts";
import { startContainerd, type TestContainerd } from "../support/containerd.ts";
import { comparePictures, type HostPicture, takePicture } from "../support/host-picture.ts";
import { processesBelow } from "../support/leftovers.ts";
import { TestNode } from "../support/namespace.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const KILLED = 137;
const BYSTANDER = "bystander";
/** Counts, so that the log tells whether a line was lost or came twice. */
const COUNT = 'i=0; while :; do echo "line $i"; i=$((i + 1)); usleep 50000; done';

/**
 * A host of a test's own, on which processes are killed: a containerd, a wharf, and a container that runs from
 * beginning to end and must not notice any of it.
 */
export class Stage implements AsyncDisposable {
  readonly node: TestNode;
  /** For a test's own files. */
  readonly directory: string;
  readonly #containerd: TestContainerd;
  readonly #registry: TestRegistry;
  #bystanderPid = 0;
  #before: HostPicture = {};
  #nextPort = 21_000;

  static async open(): Promise<Stage> {
    const directory = await mkdtemp(join(tmpdir(), "wharf-x-"));
    const [containerd, registry] = await Promise.all([startContainerd(), startRegistry()]);
    const stage = new Stage(directory, containerd, registry);
    await stage.node.client.namespaces.create(stage.node.namespace);
    await stage.node.load("busybox");
    return stage;
  }

  private constructor(directory: string, containerd: TestContainerd, registry: TestRegistry) {
    this.directory = directory;
    this.#containerd = containerd;
    this.#registry = registry;
    const roots = { dataRoot: join(directory, "data"), runRoot: join(directory, "run") };
    const host = {
      address: containerd.address,
      containerdVersion: containerd.version,
      registry: registry.host,
      ...roots,
    };
    this.node = new TestNode(host, "chaos");
  }

  get containerd(): TestContainerd {
    return this.#containerd;
  }

  /** `127.0.0.1:PORT`. */
  get registry(): string {
    return this.#registry.host;
  }

  /** A port of the host that no other container of the stage has had. */
  takePort(): number {
    return this.#nextPort++;
  }

  /** Starts the bystander; what the host looks like from then on is what it has to look like after each kill. */
  async startBystander(): Promise<void> {
    const options = ["--name", BYSTANDER, "--restart", "always", "-p", "20999:80"];
    await this.node.succeed("run", "-d", ...options, "busybox", "sh", "-c", COUNT);
    this.#bystanderPid = await this.pidOf(BYSTANDER);
    await this.remember();
  }

  /** Takes the present picture of the host for the one that has to come back. */
  async remember(): Promise<void> {
    await this.repair();
    this.#before = await this.#picture();
  }

  /** Kills a command at a point. It must have been there. */
  async strikeCommand(point: string, args: readonly string[], options: CliOptions = {}): Promise<void> {
    const { exitCode, stderr } = await this.#armed(point, args, options);
    expect({ exitCode, struck: stderr.includes(mark(point)) }).toEqual({ exitCode: KILLED, struck: true });
  }

  /** Runs a command with a supervisor that dies at a point on that occasion; whom the command starts then does not. */
  async strikeSupervisor(point: string, args: readonly string[]): Promise<CliResult> {
    return await this.strikeRunning(point, () => this.node.cli(...args));
  }

  /** Does something under a supervisor that is up already, and dies at a point on that occasion, or soon after. */
  async strikeRunning<T>(point: string, occasion: () => Promise<T>): Promise<T> {
    await this.killSupervisor();
    const strikes = await this.#strikes(point);
    await this.#armed(point, ["supervisor", "start"]);
    const pid = await this.supervisorPid();
    const result = await occasion();
    await waitUntil(`the supervisor has died at ${point}`, async () => (await this.#strikes(point)) > strikes);
    await waitUntil("the supervisor is gone", async () => pid === undefined || !(await isAlive(pid)));
    return result;
  }

  /** Has a supervisor die at a point of its own start; who waits for it, and would start another one, is killed too. */
  async strikeStarting(point: string): Promise<void> {
    await this.killSupervisor();
    const strikes = await this.#strikes(point);
    const command = this.node.start({ env: { WHARF_FAULT_POINT: point } }, "supervisor", "start");
    await waitUntil(`the supervisor has died at ${point}`, async () => (await this.#strikes(point)) > strikes);
    await waitUntil("nobody is left who is to die", async () => {
      const armed = await this.#armedProcesses(point);
      for (const pid of armed) process.kill(pid, "SIGKILL");
      return armed.length === 0;
    });
    await command.result;
  }

  /** The running supervisor's process. */
  async supervisorPid(): Promise<number | undefined> {
    const [path] = await this.#filesNamed(this.node.host.runRoot, "supervisor.pid");
    const pid = path === undefined ? 0 : Number(await readFile(path, "utf8"));
    return pid > 0 && (await isAlive(pid)) ? pid : undefined;
  }

  async killSupervisor(): Promise<void> {
    const pid = await this.supervisorPid();
    if (pid === undefined) return;
    process.kill(pid, "SIGKILL");
    await waitUntil("the supervisor is gone", async () => !(await isAlive(pid)));
  }

  /** Kills containerd, does something, and starts it again. Its shims, and their containers, live on. */
  async withoutContainerd<T>(work: () => Promise<T>): Promise<T> {
    await this.#containerd.kill();
    try {
      return await work();
    } finally {
      await this.#containerd.restart("kill");
    }
  }

  async killShim(name: string): Promise<void> {
    const id = await this.idOf(name);
    const shims = await processesBelow(this.#containerd.directory);
    const shim = shims.find(({ commandLine }) => commandLine.includes(` -id ${id} `));
    if (shim === undefined) throw new Error(`no shim of ${name}`);
    process.kill(shim.pid, "SIGKILL");
  }

  /** The id of the container of that name, if there is one. */
  async idOf(name: string): Promise<string | undefined> {
    const found = await this.node.client.containers.list([`labels."${NAME_LABEL}"=="${name}"`]);
    expect(found.length).toBeLessThan(2);
    return found[0]?.id;
  }

  /** The names of all volumes; one that was being made or removed by the killed is none, and is swept some time. */
  async volumeNames(): Promise<string[]> {
    const volumes = await this.#filesNamed(this.node.host.dataRoot, "volume.json");
    return volumes.map((path) => basename(dirname(path))).filter((name) => !name.startsWith("."));
  }

  /** Removes the container of that name, if there is one, and waits until there is none. */
  async untilGone(name: string): Promise<void> {
    await waitUntil(`${name} is gone`, async () => {
      if ((await this.idOf(name)) === undefined) return true;
      await this.node.cli("rm", "-f", name);
      return (await this.idOf(name)) === undefined;
    });
  }

  async pidOf(name: string): Promise<number> {
    const id = (await this.idOf(name)) ?? "";
    return (await this.node.client.tasks.get(id)).pid;
  }

  async inspect(name: string): Promise<ContainerInspect> {
    const [container] = JSON.parse(await this.node.succeed("container", "inspect", name)) as ContainerInspect[];
    return container as ContainerInspect;
  }

  /** The bystander runs, with all that it had, and nobody has restarted it. */
  async checkBystander(): Promise<void> {
    expect(await this.pidOf(BYSTANDER)).toBe(this.#bystanderPid);
  }

  /** Every line that the bystander wrote is in its log, once and in order. */
  async checkBystanderOutput(): Promise<void> {
    const lines = (await this.node.succeed("logs", BYSTANDER)).split("\n");
    expect(lines.length).toBeGreaterThan(1);
    expect(lines).toEqual(lines.map((_, index) => `line ${index}`));
  }

  /** Mends what a kill has left behind and nobody has come across yet. */
  async repair(): Promise<void> {
    await this.node.succeed("system", "doctor", "--repair");
  }

  /** Waits until the host looks as it did, and tells what is different if it does not come to that. */
  async checkHost(): Promise<void> {
    await this.repair();
    let difference = "";
    try {
      await waitUntil("the host is as it was before", async () => {
        difference = comparePictures(this.#before, await this.#picture());
        return difference === "";
      });
    } catch {
      // One kill that leaves something is not held against the next.
      await this.remember();
      expect(difference).toBe("");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
    await this.node.succeed("supervisor", "stop");
    await this.#registry[Symbol.asyncDispose]();
    await this.#containerd[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #picture(): Promise<HostPicture> {
    const { run = [], ...picture } = await takePicture(this.node);
    // A spool is as many files, at whatever positions, as its run has filled so far.
    return { ...picture, run: [...new Set(run.map((path) => path.replace(/\.spool\.\d+$/, ".spool")))] };
  }

  /** Runs a command in the environment that kills the process at the point: the command itself, or what it starts. */
  async #armed(point: string, args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    return await this.node.cliWith({ ...options, env: { ...options.env, WHARF_FAULT_POINT: point } }, ...args);
  }

  /** The commands and supervisors of this stage that die at the point. */
  async #armedProcesses(point: string): Promise<number[]> {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    const found = await Promise.all(
      pids.map(async (pid) => {
        const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
        const isArmed = environment.split("\0").includes(`WHARF_FAULT_POINT=${point}`);
        return isArmed && environment.includes(this.directory) && (await isAlive(Number(pid))) ? [Number(pid)] : [];
      }),
    );
    return found.flat();
  }

  async #strikes(point: string): Promise<number> {
    const [path] = await this.#filesNamed(this.node.host.dataRoot, "supervisor.log");
    return path === undefined ? 0 : (await readFile(path, "utf8")).split(mark(point)).length - 1;
  }

  async #filesNamed(directory: string, name: string): Promise<string[]> {
    const files = await readdir(directory, { recursive: true }).catch(() => []);
    return files.filter((file) => file === name || file.endsWith(`/${name}`)).map((file) => join(directory, file));
  }
}

function mark(point: string): string {
  return `killed at the fault point ${point}\n`;
}

/** False for a process that has ended and is only waiting for its parent to look. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/^\d+ \(.*\) [ZX]/.test(stat);
}
