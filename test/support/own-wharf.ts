import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import type { DoctorEntry } from "../../src/model/doctor-report.ts";
import { containerdPrograms, startContainerd, type TestContainerd } from "./containerd.ts";
import { TestNode } from "./namespace.ts";
import { runProgram } from "./program.ts";
import { waitUntil } from "./wait-until.ts";

/** A wharf with a containerd and roots of its own, for tests that kill its supervisor and look at everything it has. */
export class OwnWharf implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    readonly containerd: TestContainerd,
    readonly node: TestNode,
  ) {}

  /** Starts containerd; the namespace has busybox in it. */
  static async start(registry = ""): Promise<OwnWharf> {
    const directory = await mkdtemp(join(tmpdir(), "wharf-o-"));
    const containerd = await startContainerd();
    const roots = { dataRoot: join(directory, "data"), runRoot: join(directory, "run") };
    const host = { address: containerd.address, containerdVersion: containerd.version, registry, ...roots };
    const node = new TestNode(host, "own");
    await node.client.namespaces.create(node.namespace);
    await node.load("busybox");
    return new OwnWharf(directory, containerd, node);
  }

  /** Removes all containers. */
  async clear(): Promise<void> {
    const ids = (await this.node.succeed("ps", "-aq")).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await this.node.succeed("rm", "-f", "-v", ...ids);
  }

  async supervisorPid(): Promise<number | undefined> {
    const { stdout } = await this.node.cli("supervisor", "status", "--format", "json");
    return (JSON.parse(stdout) as { Pid?: number }).Pid;
  }

  /** Ends the supervisor as a crash would. */
  async killSupervisor(): Promise<void> {
    const pid = await this.supervisorPid();
    if (pid === undefined) throw new Error("there is no supervisor to kill");
    process.kill(pid, "SIGKILL");
    await waitUntil("the supervisor is gone", async () => (await this.supervisorPid()) === undefined);
  }

  /** Starts a supervisor that dies at a fault point, in the place of the present one; see src/fault-point.ts. */
  async armSupervisor(faultPoint: string): Promise<void> {
    await this.node.cli("supervisor", "stop");
    const { exitCode, stderr } = await this.node.cliWith(
      { env: { WHARF_FAULT_POINT: faultPoint } },
      "supervisor",
      "start",
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  }

  /** Waits until the armed supervisor has met its end. */
  async supervisorDied(): Promise<void> {
    await waitUntil("the supervisor has died", async () => (await this.supervisorPid()) === undefined, 60_000);
  }

  async inspect(name: string): Promise<ContainerInspect> {
    const [container] = JSON.parse(await this.node.succeed("container", "inspect", name)) as ContainerInspect[];
    return container as ContainerInspect;
  }

  /** Runs containerd's own client in the namespace: somebody who knows nothing of wharf. */
  async ctr(...args: string[]): Promise<string> {
    const program = join(containerdPrograms(), "ctr");
    const { stdout } = await runProgram(program, ["-a", this.containerd.address, "-n", this.node.namespace, ...args]);
    return stdout;
  }

  /** What `system doctor` finds, and that its exit code says so. */
  async doctor(): Promise<DoctorEntry[]> {
    return await this.examine("system", "doctor");
  }

  /** What `system doctor --repair` mends. */
  async repair(): Promise<DoctorEntry[]> {
    return await this.examine("system", "doctor", "--repair");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.cli("supervisor", "stop");
    await this.node[Symbol.asyncDispose]();
    await this.node.cli("supervisor", "stop");
    await this.containerd[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }

  private async examine(...command: string[]): Promise<DoctorEntry[]> {
    const { exitCode, stdout, stderr } = await this.node.cli(...command, "--format", "json");
    const entries = stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as DoctorEntry]));
    const wrong = entries.filter(({ Mended }) => !Mended);
    expect({ exitCode, stderr }).toEqual({ exitCode: wrong.length > 0 ? 1 : 0, stderr: "" });
    return entries;
  }
}
