import { isEngineError } from "../../errors.ts";
import type { Engine } from "../engine.ts";

/**
 * Removes the volumes that were being made together with containers which then never came to be, because whoever made
 * them was killed. May be called only while no container is being made in the namespace.
 */
export async function dropPendingVolumes({ containerd, store }: Pick<Engine, "containerd" | "store">): Promise<void> {
  for (const { name, containerId } of await store.volumes.listPending()) {
    if (await exists({ containerd }, containerId)) await store.volumes.keep([name]);
    else await store.volumes.remove(name);
  }
}

async function exists({ containerd }: Pick<Engine, "containerd">, containerId: string): Promise<boolean> {
  try {
    await containerd.containers.get(containerId);
    return true;
  } catch (error) {
    if (isEngineError(error, "not-found")) return false;
    throw error;
  }
}
