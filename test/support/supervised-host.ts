import { expect } from "vitest";
import { type ContainerState, STATE_EXTENSION } from "../../src/model/container-record.ts";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import { OwnHost } from "./own-host.ts";
import { waitUntil } from "./wait-until.ts";

/** A host whose containers' recorded states a test reads, changes and waits for. */
export class SupervisedHost extends OwnHost {
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
}
