import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { SpecInput } from "../../spec/spec-input.ts";
import type { Engine } from "../engine.ts";
import type { Rollback } from "../rollback.ts";
import { resolveContainer } from "./resolve.ts";
import { findTask, type StoredContainer } from "./stored-container.ts";

/** Who shares what with a container: the namespaces to join, and its /dev/shm. */
export type SharedNamespaces = Pick<SpecInput, "sharedNamespaces" | "sharedShm">;

const PREFIX = "container:";

/** The container that a mode such as `container:web` names; undefined for other modes. */
export function sharedContainerOf(mode: string): string | undefined {
  return mode.startsWith(PREFIX) ? mode.slice(PREFIX.length) : undefined;
}

/**
 * Finds the namespaces of the containers that this one is to join, as they are now: their processes may be others than
 * at the last start. Makes the memory that this one lends to others.
 *
 * @throws EngineError `conflict` when one does not run, or does not share its memory; `not-found` when there is no such
 * container.
 */
export async function findSharedNamespaces(
  engine: Pick<Engine, "containerd" | "store">,
  { id, record }: StoredContainer,
  rollback: Rollback,
  context: { readonly signal: AbortSignal },
): Promise<SharedNamespaces> {
  const { NetworkMode, PidMode, IpcMode } = record.hostConfig;
  const [network, pid, ipc, sharedShm] = await Promise.all([
    processOf(engine, NetworkMode, "network", context),
    processOf(engine, PidMode, "PID", context),
    processOf(engine, IpcMode, "IPC", context),
    IpcMode === "shareable" ? lendShm(engine, { id, record }, rollback) : findShm(engine, IpcMode, context),
  ]);
  return {
    sharedNamespaces: {
      ...(network === undefined ? {} : { network: `/proc/${network}/ns/net` }),
      ...(pid === undefined ? {} : { pid: `/proc/${pid}/ns/pid` }),
      ...(ipc === undefined ? {} : { ipc: `/proc/${ipc}/ns/ipc` }),
    },
    ...(sharedShm === undefined ? {} : { sharedShm }),
  };
}

async function lendShm(
  { store }: Pick<Engine, "store">,
  { id, record }: Pick<StoredContainer, "id" | "record">,
  rollback: Rollback,
): Promise<string> {
  const path = await store.sharedMemory.make(id, record.hostConfig.ShmSize);
  faultPoint("start.shm-mounted");
  rollback.defer(() => store.sharedMemory.remove(id));
  return path;
}

/** The /dev/shm that goes with an IPC mode; undefined for the container's own. Who has borrowed it lends it on. */
async function findShm(
  engine: Pick<Engine, "containerd" | "store">,
  mode: string,
  context: { readonly signal: AbortSignal },
): Promise<string | undefined> {
  if (mode === "host") return "/dev/shm";
  const name = sharedContainerOf(mode);
  if (name === undefined) return undefined;
  const lender = await resolveContainer(engine, name, context);
  const { IpcMode } = lender.record.hostConfig;
  const path =
    IpcMode === "shareable" ? engine.store.sharedMemory.path(lender.id) : await findShm(engine, IpcMode, context);
  if (path !== undefined) return path;
  throw new EngineError("conflict", `cannot join IPC of container ${lender.name}: non-shareable IPC`, {
    hint: "start that container with --ipc shareable",
  });
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
