import type { Containerd } from "../../containerd/client.ts";
import type { ContainerInfo } from "../../containerd/containers.ts";
import type { TaskInfo } from "../../containerd/tasks.ts";
import { EngineError, isEngineError } from "../../errors.ts";
import {
  type ContainerRecord,
  type ContainerState,
  NAME_LABEL,
  RECORD_EXTENSION,
  STATE_EXTENSION,
} from "../../model/container-record.ts";
import { INITIAL_STATE, viewState } from "../../model/container-status.ts";
import type { ContainerStateView } from "../../model/container-view.ts";
import { HEALTH_EXTENSION, type HealthRecord, viewHealth } from "../../model/health.ts";
import type { Engine } from "../engine.ts";
import { describeForeignContainer } from "./foreign-record.ts";

/** A container as containerd keeps it, with what wharf wrote beside it. */
export class StoredContainer {
  readonly id: string;
  /** Without docker's leading slash; a container of another client has its label's name, or its id. */
  readonly name: string;
  /** False for a container that another client made: it can be looked at, stopped and removed. */
  readonly isOwn: boolean;
  #record: ContainerRecord | undefined;
  #state: ContainerState | undefined;

  constructor(readonly info: ContainerInfo) {
    this.id = info.id;
    this.name = info.labels[NAME_LABEL] ?? info.id;
    this.isOwn = info.extensionNames.includes(RECORD_EXTENSION);
  }

  /** What the container was asked to be; of another client's, as much as its runtime spec tells. */
  get record(): ContainerRecord {
    this.#record ??=
      (this.info.extension(RECORD_EXTENSION) as ContainerRecord | undefined) ?? describeForeignContainer(this.info);
    return this.#record;
  }

  /** What has happened to the container, as of the last write. */
  get state(): ContainerState {
    this.#state ??= (this.info.extension(STATE_EXTENSION) as ContainerState | undefined) ?? INITIAL_STATE;
    return this.#state;
  }

  /** Docker's view of the container's state, beside its task. */
  viewState(task: TaskInfo | undefined): ContainerStateView {
    // Nobody wrote down when another client's container was started.
    const state = this.isOwn || task === undefined ? this.state : { ...this.state, startedAt: this.info.createdAt };
    const view = viewState(state, task);
    const check = this.record.config.Healthcheck;
    if (check === undefined) return view;
    const found = this.info.extension(HEALTH_EXTENSION) as HealthRecord | undefined;
    const health = viewHealth({ check, state, status: view.Status }, found);
    return health === undefined ? view : { ...view, Health: health };
  }
}

/** For what takes knowing how a container was made. */
export function notOurs({ name }: StoredContainer): EngineError {
  return new EngineError("failed-precondition", `container ${name} was not made by wharf`, {
    hint: "use the client that made it",
  });
}

/** The containerd container's task, or undefined while it has none. */
export async function findTask(
  { containerd }: Pick<Engine, "containerd">,
  containerId: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<TaskInfo | undefined> {
  try {
    return await containerd.tasks.get(containerId, undefined, { signal });
  } catch (error) {
    if (isEngineError(error, "not-found")) return undefined;
    throw error;
  }
}

/** containerd's snapshots of the snapshotter that holds the container's root file system. */
export function snapshotsOf(containerd: Containerd, info: ContainerInfo): Containerd["snapshots"] {
  return containerd.withNamespace(containerd.namespace, info.snapshotter || containerd.snapshotter).snapshots;
}
