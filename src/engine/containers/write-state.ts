import { type ContainerState, STATE_EXTENSION } from "../../model/container-record.ts";
import type { Engine } from "../engine.ts";

/** Writes down what has happened to a container, or what is wanted of it. @throws EngineError `not-found`. */
export async function writeState(
  { containerd }: Pick<Engine, "containerd">,
  containerId: string,
  state: ContainerState,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const path = `extensions.${STATE_EXTENSION}`;
  await containerd.containers.update({ id: containerId, extensions: { [STATE_EXTENSION]: state } }, [path], { signal });
}
