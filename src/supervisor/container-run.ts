import { notRunning, SIGKILL, signalContainer, stopSignalOf } from "../engine/containers/kill.ts";
import type { ContainerNames } from "../engine/containers/names.ts";
import { pauseContainer, unpauseContainer } from "../engine/containers/pause.ts";
import { releaseSurroundings } from "../engine/containers/release.ts";
import { type RemoveRequest, removeContainer, requireRemovable } from "../engine/containers/remove.ts";
import { renameContainer } from "../engine/containers/rename.ts";
import { startContainer } from "../engine/containers/start.ts";
import { explainStartFailure, UNEXPLAINED_FAILURE } from "../engine/containers/start-failure.ts";
import { type StopRequest, stopContainer } from "../engine/containers/stop.ts";
import { findTask, notOurs, type StoredContainer } from "../engine/containers/stored-container.ts";
import { writeState } from "../engine/containers/write-state.ts";
import { EngineError, isEngineError } from "../errors.ts";
import { faultPoint } from "../fault-point.ts";
import type { ContainerState } from "../model/container-record.ts";
import type { ContainerStatus } from "../model/container-view.ts";
import type { ProcessIo } from "../stdio/process-io.ts";
import type { Stdio } from "../stdio/stdio.ts";
import { containerStdio } from "./container-io.ts";
import { Deferred } from "./deferred.ts";
import type { EventLog } from "./events.ts";
import type { ExecSessions } from "./exec-sessions.ts";
import { Mutex } from "./mutex.ts";
import { RestartBackoff, wantsRestart } from "./restarts.ts";
import type { SupervisorEngine } from "./services.ts";
import type { WaitingViewers } from "./waiting-viewers.ts";

/** What all containers of a namespace share. */
export interface RunServices {
  readonly engine: SupervisorEngine;
  readonly stdio: Stdio;
  readonly events: EventLog;
  readonly waiting: WaitingViewers;
  readonly execs: ExecSessions;
  readonly names: ContainerNames;
  /** Identifies the present boot of the host. */
  readonly bootId: string;
  /** Told of failures that nobody waits for. */
  readonly onDefect: (error: unknown) => void;
}

/** How a container's process ended. */
export interface TaskExit {
  readonly pid: number;
  readonly exitStatus: number;
  readonly exitedAt: string;
}

/** What somebody who waits for a container is told. */
export interface ContainerExit {
  readonly exitCode: number;
  readonly error: string;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

/** Exit code of a run whose end nobody saw, as docker shows it after a reboot. */
const UNSEEN_EXIT_CODE = 255;
/** How long an operation of its own accord, with no caller to lose patience, may take. */
const OWN_DEADLINE_MS = 60_000;

/**
 * One container under supervision: a small state machine. Starting, settling an exit and removing change what the
 * container is, so they run one at a time; stopping only asks for an exit and does not hold the others up.
 *
 * `pid` is the process of the present run, 0 between runs. Intent is written down before it is acted on, so that the
 * next supervisor can go on from any point at which this one is killed.
 */
export class ContainerRun {
  readonly id: string;
  readonly #services: RunServices;
  readonly #transitions = new Mutex();
  readonly #backoff = new RestartBackoff();
  #container: StoredContainer;
  #state: ContainerState;
  #pid = 0;
  #io: ProcessIo | undefined;
  #paused = false;
  #oomKilled = false;
  #removing = false;
  #removed = false;
  /** Set while a restart that a person asked for is between its stop and its start. */
  #restartAsked = false;
  #restartTimer: NodeJS.Timeout | undefined;
  #exit = new Deferred<ContainerExit>();
  readonly #removal = new Deferred<ContainerExit>();
  /** Settles when the network and the shared memory of the last run have been released. */
  #released: Promise<unknown> = Promise.resolve();

  constructor(services: RunServices, container: StoredContainer) {
    this.id = container.id;
    this.#services = services;
    this.#container = container;
    this.#state = container.state;
  }

  get container(): StoredContainer {
    return this.#container;
  }

  /** The stdio of the present run; undefined between runs. */
  get io(): ProcessIo | undefined {
    return this.#io;
  }

  get pid(): number {
    return this.#pid;
  }

  get status(): ContainerStatus {
    if (this.#removing) return "removing";
    if (this.#pid !== 0) return this.#paused ? "paused" : "running";
    if (this.#restartTimer !== undefined) return "restarting";
    return this.#state.startedAt === "" ? "created" : "exited";
  }

  /** True while something is under way that changes what the container is. */
  get isChanging(): boolean {
    return this.#transitions.isBusy;
  }

  get hasRestartPending(): boolean {
    return this.#restartTimer !== undefined;
  }

  /** Takes a newer reading of the container's name and labels. Its state is what this object wrote last. */
  refresh(container: StoredContainer): void {
    this.#container = container;
  }

  /** Looks up whether a container of another client runs: its starts and exits are not seen. */
  async observeForeign(signal: AbortSignal): Promise<void> {
    const task = await findTask(this.#services.engine, this.id, { signal });
    const alive = task !== undefined && task.status !== "stopped";
    this.#pid = alive ? task.pid : 0;
    this.#paused = task?.status === "paused";
  }

  /**
   * Starts the container because a person asked for it. Answers false if it runs already.
   *
   * @throws EngineError `command-not-found`, `command-not-executable`, or what kept it from starting; the failure is
   * written down as docker does.
   */
  start(): Promise<boolean> {
    return this.#transitions.run(async () => {
      this.#requirePresent();
      if (!this.#container.isOwn) throw notOurs(this.#container);
      if (this.#paused) {
        throw new EngineError("conflict", "cannot start a paused container, try unpause instead");
      }
      if (this.#pid !== 0) return false;
      this.#cancelRestart();
      await this.#startNow({ ...this.#state, restartCount: 0 });
      return true;
    });
  }

  /** Ends the container's process, and keeps its policy from starting it again. Answers false if there was nothing to end. */
  async stop(request: StopRequest): Promise<boolean> {
    stopSignalOf(this.#container, request.stopSignal);
    const exited = await this.#transitions.run(async () => {
      if (this.#pid === 0 && this.#restartTimer === undefined) return undefined;
      if (!this.#restartAsked) await this.#writeState({ ...this.#state, desired: "stopped", stoppedByUser: true });
      this.#cancelRestart();
      faultPoint("stop.intended");
      return { promise: this.#exit.promise };
    });
    if (exited === undefined) return false;
    if (this.#pid !== 0) await this.#stopNow(request, exited.promise);
    this.#services.events.tell(this.#container, "stop");
    return true;
  }

  /** Ends the container's process if it runs, and starts it again. */
  async restart(request: StopRequest): Promise<void> {
    this.#restartAsked = true;
    try {
      await this.stop(request);
      faultPoint("restart.stopped");
      await this.start();
    } finally {
      this.#restartAsked = false;
    }
    this.#services.events.tell(this.#container, "restart");
  }

  /** Sends a signal. One that is meant to end the container also keeps its policy from starting it again. */
  async kill(number: number): Promise<void> {
    const container = this.#container;
    const { StopSignal: stopSignal } = container.record.config;
    // docker's rule: without a stop signal of its own, any signal may be the one that ends the container.
    const ends = !stopSignal || number === SIGKILL || number === stopSignalOf(container);
    const exited = await this.#transitions.run(async () => {
      if (this.#pid === 0) throw notRunning(container);
      if (container.record.hostConfig.RestartPolicy.Name !== "no") {
        await this.#writeState({ ...this.#state, ...(ends && { desired: "stopped" }), stoppedByUser: true });
      } else if (ends) this.#state = { ...this.#state, stoppedByUser: true };
      return { promise: this.#exit.promise };
    });
    await signalContainer(this.#services.engine, container, { number, ends });
    this.#services.events.tell(this.#container, "kill", { signal: String(number) });
    faultPoint("kill.signalled");
    if (number === SIGKILL) await exited.promise;
  }

  async pause(signal: AbortSignal): Promise<void> {
    await pauseContainer(this.#services.engine, this.#container, { signal });
    this.#paused = true;
    this.#services.events.tell(this.#container, "pause");
  }

  async unpause(signal: AbortSignal): Promise<void> {
    await unpauseContainer(this.#services.engine, this.#container, { signal });
    this.#paused = false;
    this.#services.events.tell(this.#container, "unpause");
  }

  async rename(newName: string, signal: AbortSignal): Promise<void> {
    const { engine, names } = this.#services;
    const oldName = this.#container.name;
    const request = { containerd: engine.containerd, names };
    this.#container = await renameContainer(request, this.#container, newName, { signal });
    this.#services.events.tell(this.#container, "rename", { oldName: `/${oldName}` });
  }

  /**
   * Removes the container with all that belongs to it; with `force`, ends it first.
   *
   * @throws EngineError `conflict` while it runs, or is being removed already.
   */
  async remove({ force, volumes }: RemoveRequest & { readonly force: boolean }): Promise<void> {
    if (this.#removing) {
      throw new EngineError("conflict", `removal of container ${this.#container.name} is already in progress`);
    }
    if (!force) requireRemovable(this.#container, this.status);
    this.#removing = true;
    try {
      const exited = await this.#transitions.run(async () => {
        this.#requirePresent();
        this.#cancelRestart();
        await this.#writeState({ ...this.#state, desired: "removed" });
        faultPoint("rm.intended");
        return { promise: this.#exit.promise };
      });
      if (this.#pid !== 0) await this.#stopNow({ stopSignal: "SIGKILL" }, exited.promise);
      if (!this.#container.isOwn) await this.#deleteTask();
      await this.#transitions.run(() => this.#removeNow(volumes));
    } finally {
      this.#removing = false;
    }
  }

  /** Settles when the condition is met; see docker's `POST /containers/{id}/wait`. */
  wait(condition: WaitCondition): Promise<ContainerExit> {
    if (condition === "removed") return this.#removal.promise;
    if (condition === "not-running" && this.#pid === 0 && this.#restartTimer === undefined) {
      return Promise.resolve(this.#lastExit());
    }
    return this.#exit.promise;
  }

  /** Settles when the network of the last run is free again. */
  get released(): Promise<unknown> {
    return this.#released;
  }

  /** The container's process has ended, as containerd says. */
  async settle(exit: TaskExit): Promise<void> {
    await this.#transitions.run(async () => {
      if (this.#pid === exit.pid) await this.#settleNow(exit);
    });
  }

  /** The kernel killed a process of the container for want of memory. */
  noteOom(): void {
    this.#oomKilled = true;
    this.#services.events.tell(this.#container, "oom");
  }

  notePaused(paused: boolean): void {
    this.#paused = paused;
  }

  /** Takes up a process that an earlier supervisor started; `io` is absent if its FIFOs are gone. */
  async adopt(pid: number, { paused, io }: { readonly paused: boolean; readonly io: ProcessIo | undefined }) {
    this.#pid = pid;
    this.#paused = paused;
    this.#io = io;
    await this.#services.engine.networks.ports.adopt(this.#state.ports);
  }

  /** Settles a run that ended together with its task, unseen: the host was rebooted, or somebody deleted the task. */
  async settleUnseen(): Promise<void> {
    const exitedAt = new Date().toISOString();
    await this.#transitions.run(() => this.#settleNow({ pid: this.#pid, exitStatus: UNSEEN_EXIT_CODE, exitedAt }));
  }

  /** Deletes a task that was made and never started. */
  async discardTask(): Promise<void> {
    await this.#transitions.run(() => this.#deleteTask());
  }

  /** Undoes a first start that was cut short before there was a process. */
  async abandonStart(): Promise<void> {
    await this.#transitions.run(async () => {
      this.#released = this.#release(this.#state);
      await this.#writeState({ ...this.#state, desired: "created", netnsPath: "", endpoints: [], ports: [] });
    });
  }

  /** Goes on with a removal that was interrupted. */
  async finishRemoval(): Promise<void> {
    this.#removing = true;
    await this.#transitions.run(async () => {
      this.#released = this.#release(this.#state);
      await this.#removeNow(this.#container.record.hostConfig.AutoRemove);
    });
  }

  /** Starts the container because its policy, not a person, wants it. */
  scheduleRestart(delayMs: number): void {
    this.#restartTimer = setTimeout(() => {
      void this.#transitions.run(async () => {
        if (this.#restartTimer === undefined) return;
        this.#restartTimer = undefined;
        const state = { ...this.#state, restartCount: this.#state.restartCount + 1 };
        faultPoint("restart.due");
        await this.#startNow(state).catch(this.#services.onDefect);
      });
    }, delayMs);
  }

  /** Somebody else removed the container's record. */
  vanish(): void {
    this.#cancelRestart();
    if (this.#pid === 0) this.#bury();
  }

  /** Lets go of the container, which lives on. */
  release(): void {
    clearTimeout(this.#restartTimer);
  }

  async #startNow(state: ContainerState): Promise<void> {
    const { engine, stdio, waiting, bootId, onDefect } = this.#services;
    const container = this.#container;
    await this.#released;
    const io = await stdio.create(containerStdio(engine, container, onDefect));
    faultPoint("start.fifos-made");
    waiting.admit(this.id, io);
    try {
      const request = { container, bootId, stdio: io.paths, state: { ...state, stoppedByUser: false, error: "" } };
      const started = await startContainer(engine, request, { signal: AbortSignal.timeout(OWN_DEADLINE_MS) });
      this.#pid = started.pid;
      this.#state = started.state;
    } catch (error) {
      await io.drained();
      await io.close();
      throw await this.#recordStartFailure(error);
    }
    faultPoint("start.state-written");
    this.#io = io;
    this.#paused = false;
    this.#oomKilled = false;
    io.started();
    this.#services.events.networks("connect", this.id, this.#state.endpoints);
    this.#services.events.tell(this.#container, "start");
  }

  /** What docker keeps of a failed start: the reason, an exit code, and no container if it was to be removed. */
  async #recordStartFailure(error: unknown): Promise<EngineError> {
    const { code, message, exitCode } = explainStartFailure(error);
    const desired = this.#state.startedAt === "" ? "created" : "stopped";
    this.#state = {
      ...this.#state,
      desired,
      error: message,
      exitCode: exitCode === UNEXPLAINED_FAILURE ? this.#state.exitCode || exitCode : exitCode,
    };
    if (this.#container.record.hostConfig.AutoRemove) await this.#removeNow(true);
    else await this.#writeState(this.#state);
    return new EngineError(code, message, {
      cause: error,
      hint: error instanceof EngineError ? error.hint : undefined,
    });
  }

  async #settleNow(exit: TaskExit): Promise<void> {
    const { hostConfig } = this.#container.record;
    const run = this.#state;
    const ranMs = Math.max(0, Date.parse(exit.exitedAt) - Date.parse(run.startedAt));
    const removes = this.#removing || (hostConfig.AutoRemove && !this.#restartAsked);
    const policyExit = { ...run, exitCode: exit.exitStatus, ranMs };
    const wanted = run.desired === "running" && wantsRestart(hostConfig.RestartPolicy, policyExit);
    const restarts = !removes && !this.#restartAsked && wanted;
    this.#state = {
      ...run,
      desired: removes ? "removed" : restarts ? "running" : "stopped",
      finishedAt: exit.exitedAt,
      exitCode: exit.exitStatus,
      oomKilled: this.#oomKilled,
      netnsPath: "",
      ports: [],
    };
    // Until the exit is written down only the task knows of it, so it is deleted after that.
    if (!removes) await this.#writeState(this.#state);
    faultPoint("settle.exit-written");
    await this.#io?.drained();
    faultPoint("settle.output-drained");
    this.#released = this.#release(run);
    this.#announceExit(exit, ranMs);
    // Another client's task is its own to delete, unless the container goes with it.
    if (this.#container.isOwn || removes) await this.#deleteTask();
    faultPoint("settle.task-deleted");
    if (removes && !this.#removing) await this.#removeNow(true).catch(this.#services.onDefect);
    if (restarts) this.scheduleRestart(this.#backoff.next(ranMs));
    faultPoint("settle.done");
  }

  /** The run is over for everybody who looks on; what is left to do has nothing to tell them. */
  #announceExit({ exitStatus }: TaskExit, ranMs: number): void {
    void this.#io?.close();
    this.#io = undefined;
    this.#pid = 0;
    this.#paused = false;
    this.#services.events.networks("disconnect", this.id, this.#state.endpoints);
    this.#services.events.tell(this.#container, "die", {
      execDuration: String(Math.floor(ranMs / 1000)),
      exitCode: String(exitStatus),
    });
    const exited = this.#exit;
    this.#exit = new Deferred();
    exited.resolve(this.#lastExit());
  }

  async #deleteTask(): Promise<void> {
    try {
      await this.#services.engine.containerd.tasks.delete(this.id);
    } catch (error) {
      if (!isEngineError(error, "not-found")) this.#services.onDefect(error);
    }
  }

  async #release(run: ContainerState): Promise<void> {
    await releaseSurroundings(this.#services.engine, this.#container, run).catch(this.#services.onDefect);
  }

  async #stopNow(request: StopRequest, exited: Promise<unknown>): Promise<void> {
    await stopContainer(this.#services.engine, this.#container, request, {
      exited,
      onSignal: (number) => this.#services.events.tell(this.#container, "kill", { signal: String(number) }),
    });
  }

  async #removeNow(volumes: boolean): Promise<void> {
    const signal = AbortSignal.timeout(OWN_DEADLINE_MS);
    await removeContainer(this.#services.engine, this.#container, { volumes }, { signal });
    this.#bury();
    this.#services.events.tell(this.#container, "destroy");
  }

  #bury(): void {
    this.#removed = true;
    this.#services.waiting.dismiss(this.id);
    this.#exit.resolve(this.#lastExit());
    this.#removal.resolve(this.#lastExit());
  }

  #cancelRestart(): void {
    clearTimeout(this.#restartTimer);
    this.#restartTimer = undefined;
  }

  #lastExit(): ContainerExit {
    return { exitCode: this.#state.exitCode, error: this.#state.error };
  }

  async #writeState(state: ContainerState): Promise<void> {
    this.#state = state;
    if (!this.#container.isOwn) return;
    await writeState(this.#services.engine, this.id, state);
  }

  #requirePresent(): void {
    if (this.#removed) throw new EngineError("not-found", `No such container: ${this.#container.name}`);
  }
}
