import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type ContainerState, STATE_EXTENSION } from "../../src/model/container-record.ts";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import { startContainerd, type TestContainerd } from "./containerd.ts";
import { TestNode } from "./namespace.ts";
import { waitUntil } from "./wait-until.ts";

/**
 * A containerd and a supervisor of a test file's own, to be killed and restarted as the test likes: those of the test
 * run serve all the others.
 */
export class SupervisedHost implements AsyncDisposable {
  private constructor(
    readonly containerd: TestContainerd,
    readonly node: TestNode,
    private readonly directory: string,
  ) {}

  /** Starts the containerd; the namespace has busybox. */
  static async start(namespace: string): Promise<SupervisedHost> {
    const directory = await mkdtemp(join(tmpdir(), "wharf-r-"));
    const containerd = await startContainerd();
    const roots = { dataRoot: join(directory, "data"), runRoot: join(directory, "run") };
    const host = { address: containerd.address, containerdVersion: containerd.version, registry: "", ...roots };
    const node = new TestNode(host, namespace);
    await node.client.namespaces.create(namespace);
    await node.load("busybox");
    return new SupervisedHost(containerd, node, directory);
  }

  /** Removes all containers by force. */
  async clear(): Promise<void> {
    const ids = (await this.node.succeed("ps", "-aq")).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await this.node.succeed("rm", "-f", ...ids);
  }

  async supervisorPid(): Promise<number> {
    return (await this.status()).Pid;
  }

  /** As a crash would; nothing starts it again but the next command that needs it. */
  async killSupervisor(): Promise<void> {
    process.kill(await this.supervisorPid(), "SIGKILL");
    await waitUntil("the supervisor is gone", async () => !(await this.status()).Running);
  }

  async inspect(name: string): Promise<ContainerInspect> {
    const [container] = JSON.parse(await this.node.succeed("container", "inspect", name)) as ContainerInspect[];
    return container as ContainerInspect;
  }

  async untilState(name: string, state: Partial<ContainerInspect["State"]>): Promise<ContainerInspect> {
    return await waitUntil(`${name} is ${JSON.stringify(state)}`, async () => {
      const container = await this.inspect(name);
      expect(container.State).toMatchObject(state);
      return container;
    });
  }

  /** What is written down of the container, by its id. */
  async readState(id: string): Promise<ContainerState> {
    return (await this.node.client.containers.get(id)).extension(STATE_EXTENSION) as ContainerState;
  }

  /** Writes what an interrupted supervisor would have left. */
  async writeState(id: string, change: Partial<ContainerState>): Promise<void> {
    const state = { ...(await this.readState(id)), ...change };
    const path = `extensions.${STATE_EXTENSION}`;
    await this.node.client.containers.update({ id, extensions: { [STATE_EXTENSION]: state } }, [path]);
  }

  /** What a power cut leaves: no task, another boot. The network namespaces stay, which a real one would take too. */
  async pretendReboot(ids: readonly string[]): Promise<void> {
    await this.killSupervisor();
    const { tasks } = this.node.client;
    for (const id of ids) {
      await tasks.resume(id).catch(() => undefined);
      await tasks.kill(id, { signal: 9 }).catch(() => undefined);
      await waitUntil("the task is deleted", async () => {
        await tasks.delete(id).catch(() => undefined);
        return (await tasks.list()).every(({ containerId }) => containerId !== id);
      });
      await this.writeState(id, { bootId: "another boot" });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
    await this.node.succeed("supervisor", "stop");
    await this.containerd[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }

  private async status(): Promise<{ readonly Pid: number; readonly Running: boolean }> {
    const { stdout } = await this.node.cli("supervisor", "status", "--format", "json");
    return JSON.parse(stdout) as { Pid: number; Running: boolean };
  }
}
