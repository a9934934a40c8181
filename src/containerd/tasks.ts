import type { Descriptor } from "../model/descriptor.ts";
import type { Mount } from "../model/mount.ts";
import { PROCESS_TYPE, packJson, RESOURCES_TYPE } from "./any.ts";
import type { TasksDefinition } from "./generated/containerd/services/tasks/v1/tasks.ts";
import { type Process, Status } from "./generated/containerd/v1/types/task.ts";
import { descriptorFromMessage, descriptorToMessage, mountToMessage } from "./messages.ts";
import type { TaskMetrics } from "./metrics.ts";
import type { CallOptions, ServiceClient, WriteOptions } from "./rpc.ts";
import { packRuncOptions, type RuncOptions, unpackExecId } from "./runc-options.ts";
import { timestampToIso } from "./timestamps.ts";

/**
 * Where a process reads and writes: paths of FIFOs; stdout may also be a URI (`file://`, `binary://`). Without a stdout
 * the shim ignores stdin as well; with one it wants a stderr too, unless the process has a terminal.
 */
export interface StdioPaths {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface NewTask extends StdioPaths {
  readonly containerId: string;
  readonly rootfs: readonly Mount[];
  readonly terminal: boolean;
  readonly runtimeOptions?: RuncOptions | undefined;
  /** Restore from this in place of a fresh start. */
  readonly checkpoint?: Descriptor | undefined;
}

export interface NewProcess extends StdioPaths {
  readonly containerId: string;
  readonly execId: string;
  readonly terminal: boolean;
  /** The OCI runtime spec's `process`. */
  readonly spec: unknown;
}

export type TaskStatus = "unknown" | "created" | "running" | "stopped" | "paused" | "pausing";

/** A task's first process, or one that exec added to it. */
export interface TaskInfo extends StdioPaths {
  readonly containerId: string;
  /** The exec id; for the first process the container's id. */
  readonly id: string;
  readonly pid: number;
  readonly status: TaskStatus;
  readonly terminal: boolean;
  readonly exitStatus: number;
  readonly exitedAt: string;
}

export interface ExitStatus {
  readonly exitStatus: number;
  readonly exitedAt: string;
}

export interface ProcessInfo {
  readonly pid: number;
  /** The exec that the process was started by; absent for the first process and for children. */
  readonly execId?: string;
}

interface ExecOption {
  /** Absent: the task's first process. */
  readonly execId?: string | undefined;
}

/** containerd's Tasks service: containers that run, and the processes in them. */
export class Tasks {
  constructor(private readonly client: ServiceClient<typeof TasksDefinition>) {}

  /**
   * Prepares the container's process, stopped before its first instruction. `start` or `delete` follows.
   *
   * @throws EngineError `already-exists` when the container has a task; `not-found` when there is no such container;
   * `internal` with the runtime's words when it refuses.
   */
  async create(task: NewTask, options?: WriteOptions): Promise<{ readonly pid: number }> {
    const request = {
      containerId: task.containerId,
      rootfs: task.rootfs.map(mountToMessage),
      stdin: task.stdin,
      stdout: task.stdout,
      stderr: task.stderr,
      terminal: task.terminal,
      checkpoint: task.checkpoint && descriptorToMessage(task.checkpoint),
      options: task.runtimeOptions && packRuncOptions(task.runtimeOptions),
      runtimePath: "",
      taskApiAddress: "",
      taskApiVersion: 0,
    };
    const { pid } = await this.client.unary("create", request, options);
    return { pid };
  }

  /** Runs what `create` or `exec` prepared. @throws EngineError `not-found`; `internal` with the runtime's words. */
  async start(containerId: string, execId = "", options?: CallOptions): Promise<{ readonly pid: number }> {
    return await this.client.unary("start", { containerId, execId }, options);
  }

  /** Frees a stopped task. @throws EngineError `not-found`; `failed-precondition` (older shims: `internal`) while it runs. */
  async delete(containerId: string, options?: CallOptions): Promise<ExitStatus & { readonly pid: number }> {
    const { pid, exitStatus, exitedAt } = await this.client.unary("delete", { containerId }, options);
    return { pid, exitStatus, exitedAt: timestampToIso(exitedAt) };
  }

  /** Frees a stopped process that exec added. Fails as `delete` does. */
  async deleteProcess(
    containerId: string,
    execId: string,
    options?: CallOptions,
  ): Promise<ExitStatus & { readonly pid: number }> {
    const { pid, exitStatus, exitedAt } = await this.client.unary("deleteProcess", { containerId, execId }, options);
    return { pid, exitStatus, exitedAt: timestampToIso(exitedAt) };
  }

  /** @throws EngineError `not-found`. */
  async get(containerId: string, execId = "", options?: CallOptions): Promise<TaskInfo> {
    const { process } = await this.client.unary("get", { containerId, execId }, options);
    return { ...taskFromMessage(process), containerId };
  }

  /** All tasks of the namespace; shims that do not answer show as `unknown`. */
  async list(filter = "", options?: CallOptions): Promise<TaskInfo[]> {
    const { tasks } = await this.client.unary("list", { filter }, options);
    return tasks.map(taskFromMessage).map((task) => ({ ...task, containerId: task.containerId || task.id }));
  }

  /** Sends the signal `signal`, by number. @throws EngineError `not-found` when there is no such process or it has ended. */
  async kill(
    containerId: string,
    target: ExecOption & { readonly signal: number; readonly all?: boolean },
    options?: CallOptions,
  ): Promise<void> {
    const request = { containerId, execId: target.execId ?? "", signal: target.signal, all: target.all ?? false };
    await this.client.unary("kill", request, options);
  }

  /** Adds a process to a running task; `start` with its `execId` runs it. @throws EngineError `already-exists`, `not-found`. */
  async exec(process: NewProcess, options?: WriteOptions): Promise<void> {
    const request = {
      containerId: process.containerId,
      execId: process.execId,
      terminal: process.terminal,
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      spec: packJson(PROCESS_TYPE, process.spec),
    };
    await this.client.unary("exec", request, options);
  }

  /** Tells a process that has a terminal how large it is. */
  async resizePty(
    containerId: string,
    size: ExecOption & { readonly width: number; readonly height: number },
    options?: CallOptions,
  ): Promise<void> {
    const request = { containerId, execId: size.execId ?? "", width: size.width, height: size.height };
    await this.client.unary("resizePty", request, options);
  }

  /** Lets the shim close its end of the process's stdin, so that the process reads an end once all writers are gone. */
  async closeIo(containerId: string, target: ExecOption = {}, options?: CallOptions): Promise<void> {
    await this.client.unary("closeIO", { containerId, execId: target.execId ?? "", stdin: true }, options);
  }

  async pause(containerId: string, options?: CallOptions): Promise<void> {
    await this.client.unary("pause", { containerId }, options);
  }

  async resume(containerId: string, options?: CallOptions): Promise<void> {
    await this.client.unary("resume", { containerId }, options);
  }

  /** All processes in the task's cgroup, by the host's PIDs. */
  async pids(containerId: string, options?: CallOptions): Promise<ProcessInfo[]> {
    const { processes } = await this.client.unary("listPids", { containerId }, options);
    return processes.map(({ pid, info }) => {
      const execId = info && unpackExecId(info);
      return execId ? { pid, execId } : { pid };
    });
  }

  /** Waits until the process has ended; at once if it has. @throws EngineError `not-found`. */
  async wait(containerId: string, execId = "", options?: CallOptions): Promise<ExitStatus> {
    const { exitStatus, exitedAt } = await this.client.unary("wait", { containerId, execId }, options);
    return { exitStatus, exitedAt: timestampToIso(exitedAt) };
  }

  /** What the kernel counts for the tasks that match one of the filters, such as `id==ID`; without a filter for all. */
  async metrics(filters: readonly string[] = [], options?: CallOptions): Promise<TaskMetrics[]> {
    const [{ metrics }, { metricsFromMessage }] = await Promise.all([
      this.client.unary("metrics", { filters: [...filters] }, options),
      import("./metrics.ts"),
    ]);
    return metrics.map(metricsFromMessage);
  }

  /** Changes the limits of a running task; `resources` are the OCI runtime spec's `linux.resources`. */
  async update(containerId: string, resources: unknown, options?: CallOptions): Promise<void> {
    const request = { containerId, resources: packJson(RESOURCES_TYPE, resources), annotations: {} };
    await this.client.unary("update", request, options);
  }

  /** Writes the task's state into the content store, with CRIU. Returns what was written. */
  async checkpoint(containerId: string, options?: WriteOptions): Promise<Descriptor[]> {
    const request = { containerId, parentCheckpoint: "" };
    return (await this.client.unary("checkpoint", request, options)).descriptors.map(descriptorFromMessage);
  }
}

const STATUSES: Readonly<Record<Status, TaskStatus>> = {
  [Status.UNKNOWN]: "unknown",
  [Status.CREATED]: "created",
  [Status.RUNNING]: "running",
  [Status.STOPPED]: "stopped",
  [Status.PAUSED]: "paused",
  [Status.PAUSING]: "pausing",
};

function taskFromMessage(process: Process | undefined): TaskInfo {
  const status = process?.status ?? Status.UNKNOWN;
  return {
    containerId: process?.containerId ?? "",
    id: process?.id ?? "",
    pid: process?.pid ?? 0,
    status: STATUSES[status] ?? "unknown",
    terminal: process?.terminal ?? false,
    stdin: process?.stdin ?? "",
    stdout: process?.stdout ?? "",
    stderr: process?.stderr ?? "",
    exitStatus: process?.exitStatus ?? 0,
    exitedAt: status === Status.STOPPED ? timestampToIso(process?.exitedAt) : "",
  };
}
