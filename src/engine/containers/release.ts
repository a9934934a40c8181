import type { ContainerState } from "../../model/container-record.ts";
import type { Engine } from "../engine.ts";
import type { StoredContainer } from "./stored-container.ts";

/**
 * Gives back what a run of a container had of the host: its place on its networks, its ports, the memory it shared.
 * Ports can be had again once nothing leads from them into the container any more.
 */
export async function releaseSurroundings(
  { networks, store }: Pick<Engine, "networks" | "store">,
  { id, record }: StoredContainer,
  { netnsPath, endpoints, ports }: ContainerState,
): Promise<void> {
  if (record.hostConfig.IpcMode === "shareable") await store.sharedMemory.remove(id);
  if (netnsPath === "") return;
  const detached = networks.detach({ containerId: id, netnsPath, endpoints });
  await networks.ports.release(ports, detached);
  await detached;
}
