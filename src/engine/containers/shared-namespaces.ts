import { EngineError, isEngineError } from "../../errors.ts";
import type { HostConfig } from "../../model/container-config.ts";
import type { SpecInput } from "../../spec/spec-input.ts";
import type { Engine } from "../engine.ts";
import { resolveContainer } from "./resolve.ts";
import { findTask } from "./stored-container.ts";

/** Who shares what with a container: the namespaces to join, and its /dev/shm. */
export type SharedNamespaces = Pick<SpecInput, "sharedNamespaces" | "sharedShm">;

const PREFIX = "container:";

/** The container that a mode such as `container:web` names; undefined for other modes. */
export function sharedContainerOf(mode: string): string | undefined {
  return mode.startsWith(PREFIX) ? mode.slice(PREFIX.length) : undefined;
}

/**
 * Finds the namespaces of the containers that this one is to join, as they are now: their processes may be others than
 * at the last start.
 *
 * @throws EngineError `conflict` when one does not run; `not-found` when there is no such container.
 */
export async function findSharedNamespaces(
  engine: Pick<Engine, "containerd">,
  { NetworkMode, PidMode, IpcMode }: HostConfig,
  context: { readonly signal: AbortSignal },
): Promise<SharedNamespaces> {
  const [network, pid, ipc] = await Promise.all([
    processOf(engine, NetworkMode, "network", context),
    processOf(engine, PidMode, "PID", context),
    processOf(engine, IpcMode, "IPC", context),
  ]);
  const sharedShm = ipc === undefined ? (IpcMode === "host" ? "/dev/shm" : undefined) : `/proc/${ipc}/root/dev/shm`;
  return {
    sharedNamespaces: {
      ...(network === undefined ? {} : { network: `/proc/${network}/ns/net` }),
      ...(pid === undefined ? {} : { pid: `/proc/${pid}/ns/pid` }),
      ...(ipc === undefined ? {} : { ipc: `/proc/${ipc}/ns/ipc` }),
    },
    ...(sharedShm === undefined ? {} : { sharedShm }),
  };
}

async function processOf(
  engine: Pick<Engine, "containerd">,
  mode: string,
  kind: string,
  context: { readonly signal: AbortSignal },
): Promise<number | undefined> {
  const name = sharedContainerOf(mode);
  if (name === undefined) return undefined;
  const container = await resolveContainer(engine, name, context).catch((error: unknown) => {
    if (!isEngineError(error, "not-found")) throw error;
    throw new EngineError("not-found", `joining ${kind} namespace of container: ${error.message}`);
  });
  const task = await findTask(engine, container.id, context);
  if (task?.status === "running" || task?.status === "paused") return task.pid;
  const status = container.state.startedAt === "" ? "created" : "exited";
  throw new EngineError(
    "conflict",
    `cannot join ${kind} namespace of a non running container: container ${container.name} is ${status}`,
  );
}
