import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ExitStatus } from "../containerd/tasks.ts";
import { execUser, startExec } from "../engine/containers/exec.ts";
import { notRunning } from "../engine/containers/kill.ts";
import { findTask, type StoredContainer } from "../engine/containers/stored-container.ts";
import { EngineError, isEngineError } from "../errors.ts";
import { faultPoint } from "../fault-point.ts";
import type { ExecConfig, ExecInspect, ExecStartConfig } from "../model/exec-config.ts";
import type { ResolvedUser } from "../model/user-spec.ts";
import type { ProcessIo } from "../stdio/process-io.ts";
import type { Stdio } from "../stdio/stdio.ts";
import type { Attachment } from "../stdio/viewer.ts";
import { execRunDir } from "../store/layout.ts";
import { Deferred } from "./deferred.ts";
import type { EventLog } from "./events.ts";
import { ExecGate } from "./exec-gate.ts";
import type { SupervisorEngine } from "./services.ts";

const EXIT_NOT_EXECUTABLE = 126;
const EXIT_NOT_FOUND = 127;
/** Sessions that have ended can be inspected for a while; docker keeps them for five minutes. */
const KEPT_MS = 5 * 60_000;
/** How often a containerd that is away is asked again for an exit. */
const WAIT_RETRY_MS = 100;

interface ExecSession {
  readonly id: string;
  readonly container: StoredContainer;
  readonly config: ExecConfig;
  readonly user: ResolvedUser | undefined;
  state: "created" | "running" | "exited";
  exitCode: number | undefined;
  pid: number;
  /** Settles, with the exit code, when the process has ended and all its output has been shown. */
  readonly ended: Deferred<number>;
}

/**
 * The exec processes of one namespace, from their creation by one call of the API to their exit. They are kept in
 * memory only: a supervisor that starts afresh knows none of them; see `LeftoverExecs`.
 */
export class ExecSessions {
  readonly #engine: SupervisorEngine;
  readonly #stdio: Stdio;
  readonly #events: EventLog;
  readonly #sessions = new Map<string, ExecSession>();
  /** The ids of those whose FIFOs are open. */
  readonly #open = new Set<string>();
  readonly #gates = new Map<string, ExecGate>();

  constructor(options: { readonly engine: SupervisorEngine; readonly stdio: Stdio; readonly events: EventLog }) {
    this.#engine = options.engine;
    this.#stdio = options.stdio;
    this.#events = options.events;
  }

  /**
   * Notes what is to be run, and returns the id by which to start it.
   *
   * @throws EngineError `conflict` unless the container runs and is not paused; `invalid-argument` without a command,
   * or for a user that the container does not know.
   */
  async create(
    container: StoredContainer,
    config: ExecConfig,
    { calledAs, signal }: { readonly calledAs: string; readonly signal: AbortSignal },
  ): Promise<string> {
    if ((config.Cmd ?? []).length === 0) throw new EngineError("invalid-argument", "No exec command specified");
    const task = await findTask(this.#engine, container.id, { signal });
    if (task?.status === "paused" || task?.status === "pausing") {
      throw new EngineError("conflict", `Container ${calledAs} is paused, unpause the container before exec`);
    }
    if (task?.status !== "running") throw notRunning(container);
    const user = config.User ? await execUser(this.#engine, container, config.User, { signal }) : undefined;
    const id = randomBytes(32).toString("hex");
    this.#sessions.set(id, {
      id,
      container,
      config,
      user,
      state: "created",
      exitCode: undefined,
      pid: 0,
      ended: new Deferred(),
    });
    this.#tell("exec_create", container, config, id);
    return id;
  }

  /** @throws EngineError `not-found`. */
  inspect(id: string): ExecInspect {
    const { config, container, state, exitCode, pid } = this.#find(id);
    const [entrypoint = "", ...args] = config.Cmd ?? [];
    return {
      ID: id,
      Running: state === "running",
      ExitCode: exitCode ?? null,
      ProcessConfig: {
        tty: config.Tty ?? false,
        entrypoint,
        arguments: args,
        privileged: config.Privileged ?? false,
        ...(config.User && { user: config.User }),
      },
      OpenStdin: config.AttachStdin ?? false,
      OpenStderr: config.AttachStderr ?? false,
      OpenStdout: config.AttachStdout ?? false,
      CanRemove: state === "exited",
      ContainerID: container.id,
      DetachKeys: config.DetachKeys ?? "",
      Pid: pid,
    };
  }

  /** The ids of a container's exec processes that have not ended. */
  idsOf(containerId: string): string[] {
    return [...this.#sessions.values()]
      .filter(({ container, state }) => container.id === containerId && state !== "exited")
      .map(({ id }) => id);
  }

  /** What a session was created with. @throws EngineError `not-found`; `conflict` when it was started before. */
  startable(id: string): ExecConfig {
    const session = this.#find(id);
    if (session.state === "created") return session.config;
    throw new EngineError("conflict", `Error: Exec command ${id} is already running`);
  }

  /**
   * Runs what was created. `attach` is handed the process's stdio before its first byte, unless the caller asks for a
   * detached process. Returns once the process runs; it ends by itself.
   *
   * @throws EngineError as `startExec`; the session has ended then, with the exit code that a shell would give.
   */
  async start(id: string, request: ExecStartConfig, attach?: (io: ProcessIo) => Attachment): Promise<void> {
    const session = this.#find(id);
    const config = this.startable(id);
    session.state = "running";
    const terminal = config.Tty ?? false;
    const { container, user } = session;
    const { tasks, namespace } = this.#engine.containerd;
    this.#open.add(id);
    const stdio = this.#stdio.create({
      dir: execRunDir(this.#engine.settings, namespace, container.id, id),
      terminal,
      stdin: (config.AttachStdin ?? false) && attach !== undefined,
      kept: false,
      closeTaskStdin: () => tasks.closeIo(container.id, { execId: id }),
    });
    const io = await stdio.catch((error: unknown) => {
      this.#open.delete(id);
      this.#end(session, EXIT_NOT_EXECUTABLE);
      throw error;
    });
    faultPoint("exec.fifos-made");
    const attachment = attach?.(io);
    try {
      const consoleSize = request.ConsoleSize ?? config.ConsoleSize ?? undefined;
      const process = { container, execId: id, config, user, terminal, consoleSize, io };
      // The client may leave at any time; its process starts all the same, or not at all.
      const { pid } = await this.#gate(container.id).start(() =>
        startExec(this.#engine, process, { signal: new AbortController().signal }),
      );
      faultPoint("exec.process-started");
      session.pid = pid;
      io.started();
      this.#tell("exec_start", container, config, id);
    } catch (error) {
      this.#end(session, isEngineError(error, "command-not-found") ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
      attachment?.detach();
      await io.close();
      this.#open.delete(id);
      throw error;
    }
    void this.#settle(session, io);
  }

  /** Settles, with the exit code, when a started process has ended and its output has been shown. */
  ended(id: string): Promise<number> {
    return this.#find(id).ended.promise;
  }

  /** Remembers a session no longer; the process it may still have ends by itself. */
  forget(id: string): void {
    this.#sessions.delete(id);
  }

  /** Pauses a container by `pause`, at a moment at which no process is being added to it. */
  async whileNoneStarts<T>(containerId: string, pause: () => Promise<T>): Promise<T> {
    return await this.#gate(containerId).pause(pause);
  }

  /** The container is gone. */
  dismiss(containerId: string): void {
    this.#gates.delete(containerId);
  }

  /** @throws EngineError `not-found`; `conflict` when it does not run. */
  async resize(id: string, size: { readonly width: number; readonly height: number }): Promise<void> {
    const session = this.#find(id);
    if (session.pid === 0 || session.state !== "running") {
      throw new EngineError("conflict", `exec process ${id} is not running`);
    }
    await this.#engine.containerd.tasks.resizePty(session.container.id, { execId: id, ...size });
  }

  /** True for an exec that this supervisor runs. */
  isOurs(id: string): boolean {
    return this.#open.has(id);
  }

  async #settle(session: ExecSession, io: ProcessIo): Promise<void> {
    const { tasks } = this.#engine.containerd;
    const exit = await this.#exitOf(session);
    // The exit code first: who sees the end of the output asks for it at once.
    this.#end(session, exit?.exitStatus ?? EXIT_NOT_EXECUTABLE);
    this.#tell("exec_die", session.container, session.config, session.id, { exitCode: String(session.exitCode) });
    faultPoint("exec.exit-noted");
    await io.drained();
    session.ended.resolve(session.exitCode ?? EXIT_NOT_EXECUTABLE);
    await tasks.deleteProcess(session.container.id, session.id).catch(() => undefined);
    faultPoint("exec.process-deleted");
    await io.close();
    this.#open.delete(session.id);
  }

  /** The process outlives a restart of containerd, and so does the waiting for it; undefined when it is not known. */
  async #exitOf({ id, container }: ExecSession): Promise<ExitStatus | undefined> {
    while (true) {
      try {
        return await this.#engine.containerd.tasks.wait(container.id, id);
      } catch (error) {
        if (!isEngineError(error, "unavailable")) return undefined;
        await delay(WAIT_RETRY_MS, undefined, { ref: false });
      }
    }
  }

  #end(session: ExecSession, exitCode: number): void {
    session.state = "exited";
    session.exitCode = exitCode;
    setTimeout(() => this.#sessions.delete(session.id), KEPT_MS).unref();
  }

  #gate(containerId: string): ExecGate {
    const gate = this.#gates.get(containerId) ?? new ExecGate();
    this.#gates.set(containerId, gate);
    return gate;
  }

  #find(id: string): ExecSession {
    const session = this.#sessions.get(id);
    if (session) return session;
    throw new EngineError("not-found", `No such exec instance: ${id}`);
  }

  #tell(
    action: "exec_create" | "exec_start" | "exec_die",
    container: StoredContainer,
    config: ExecConfig,
    execId: string,
    attributes: Readonly<Record<string, string>> = {},
  ): void {
    const command = action === "exec_die" ? "" : `: ${(config.Cmd ?? []).join(" ")}`;
    this.#events.tell(container, `${action}${command}`, { execID: execId, ...attributes });
  }
}
