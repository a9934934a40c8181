import type { Engine } from "../engine.ts";
import type { AttachedNetworks } from "./attach.ts";

/**
 * Takes a container off its networks, removes its network namespace, and gives its ports up. May be called any number
 * of times. Nobody has to wait for it: a later `attachNetworks` that wants the same ports, or that is for the same
 * container, waits by itself.
 */
export async function detachNetworks(
  { networks }: Pick<Engine, "networks">,
  { containerId, netnsPath, endpoints, ports }: AttachedNetworks & { readonly containerId: string },
): Promise<void> {
  const detached = networks.detach({ containerId, netnsPath, endpoints });
  await Promise.all([detached, networks.ports.release(ports, detached)]);
}
