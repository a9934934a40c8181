import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { releaseSurroundings } from "../engine/containers/release.ts";
import { removeContainer } from "../engine/containers/remove.ts";
import { startContainer } from "../engine/containers/start.ts";
import { explainStartFailure, UNEXPLAINED_FAILURE } from "../engine/containers/start-failure.ts";
import { type StopRequest, stopContainer } from "../engine/containers/stop.ts";
import type { StoredContainer } from "../engine/containers/stored-container.ts";
import { writeState } from "../engine/containers/write-state.ts";
import { EngineError, expectedFailure, isEngineError } from "../errors.ts";
import { faultPoint } from "../fault-point.ts";
import type { ContainerState } from "../model/container-record.ts";
import type { ContainerStatus } from "../model/container-view.ts";
import type { ProcessIo } from "../stdio/process-io.ts";
import { ContainerHealth } from "./container-health.ts";
import { containerStdio } from "./container-io.ts";
import { blameMemory, recordExit } from "./exit-record.ts";
import { type ContainerExit, ExitWaiters, type TaskExit } from "./exit-waiters.ts";
import { Mutex } from "./mutex.ts";
import { RestartPlan } from "./restart-plan.ts";
import { RunAge } from "./run-age.ts";
import type { RunServices } from "./run-services.ts";
import { freeStuckTask } from "./stuck-shim.ts";

/** How long containerd may take to clean up after a start that was cut off, and how often that is looked at. */
const CUT_START_PATIENCE_MS = 10_000;
const CUT_START_POLL_MS = 100;
/** How long an operation of its own accord, with no caller to lose patience, may take. */
const OWN_DEADLINE_MS = 60_000;

/**
 * What is true of one container, and the steps by which that changes; what asks for them is `ContainerRun`, for people,
 * and `ContainerRecovery`. Starting, settling an exit and removing change what the container is: whoever takes such a
 * step does so within `transitions`. Intent is written down before it is acted on, so that the next supervisor can go
 * on from any point at which this one is killed.
 */
export class ContainerLife {
  readonly id: string;
  readonly services: RunServices;
  readonly transitions = new Mutex();
  readonly waiters = new ExitWaiters();
  readonly restartPlan = new RestartPlan();
  readonly health: ContainerHealth;
  /** The newest reading of the container's record; its state is what this object wrote last. */
  container: StoredContainer;
  state: ContainerState;
  /** The process of the present run, 0 between runs. */
  pid = 0;
  /** Of the present run; undefined between runs, and when nobody knows. */
  age: RunAge | undefined;
  /** The stdio of the present run; undefined between runs. */
  io: ProcessIo | undefined;
  paused = false;
  oomKilled = false;
  /** An earlier supervisor was killed while it started the container, and containerd may not be done with that. */
  startWasCut = false;
  removing = false;
  removed = false;
  /** The restarts that people have asked for and that have not come to their start yet. */
  readonly restartsAsked = new Set<object>();
  /** Settles when the network and the shared memory of the last run have been released. */
  released: Promise<unknown> = Promise.resolve();

  constructor(services: RunServices, container: StoredContainer) {
    this.id = container.id;
    this.services = services;
    this.container = container;
    this.state = container.state;
    this.health = new ContainerHealth(services, this);
  }

  get status(): ContainerStatus {
    if (this.removing) return "removing";
    if (this.pid !== 0) return this.paused ? "paused" : "running";
    if (this.restartPlan.isPending) return "restarting";
    return this.state.startedAt === "" ? "created" : "exited";
  }

  /** A person asked for a restart, who will start the container when it has ended. */
  get restartAsked(): boolean {
    return this.restartsAsked.size > 0;
  }

  get lastExit(): ContainerExit {
    return { exitCode: this.state.exitCode, error: this.state.error };
  }

  /** @throws EngineError `not-found` when the container is gone. */
  requirePresent(): void {
    if (this.removed) throw new EngineError("not-found", `No such container: ${this.container.name}`);
  }

  /** Starts a process, going on from `state`. @throws EngineError when it does not start, which is written down. */
  async start(state: ContainerState): Promise<void> {
    const { engine, waiting, bootId, events } = this.services;
    const { container } = this;
    await this.released;
    const io = await this.#openStdio();
    faultPoint("start.fifos-made");
    waiting.admit(this.id, io);
    try {
      const request = { container, bootId, stdio: io.paths, state: { ...state, stoppedByUser: false, error: "" } };
      const started = await this.#afterCutStart(() =>
        startContainer(engine, request, { signal: AbortSignal.timeout(OWN_DEADLINE_MS) }),
      );
      this.pid = started.pid;
      this.state = started.state;
    } catch (error) {
      await io.drained();
      await io.close();
      throw await this.#recordStartFailure(error);
    }
    faultPoint("start.state-written");
    this.io = io;
    this.age = RunAge.begin();
    this.paused = false;
    this.oomKilled = false;
    io.started();
    events.networks("connect", this.id, this.state.endpoints);
    events.tell(this.container, "start");
    this.health.begin();
  }

  /** @throws EngineError for want of space or descriptors, which is written down. */
  async #openStdio(): Promise<ProcessIo> {
    const { engine, stdio, onDefect } = this.services;
    try {
      return await stdio.create(containerStdio(engine, this.container, onDefect));
    } catch (error) {
      throw await this.#recordStartFailure(error);
    }
  }

  /** Settles the end of the present run. */
  async settle(exit: TaskExit): Promise<void> {
    const { hostConfig } = this.container.record;
    const run = this.state;
    void this.health.end();
    const removes = this.removing || (hostConfig.AutoRemove && !this.restartAsked);
    const { oomKilled, restartAsked, age } = this;
    const circumstances = { policy: hostConfig.RestartPolicy, oomKilled, removes, restartAsked, ageMs: age?.ms };
    const { state, ranMs, restarts } = recordExit(run, exit, circumstances);
    this.age = undefined;
    this.state = state;
    // Until the exit is written down only the task knows of it, so it is deleted after that.
    const vanished = !removes && !(await this.writeStateIfPresent(this.state));
    faultPoint("settle.exit-written");
    await this.io?.drained();
    faultPoint("settle.output-drained");
    this.released = this.release(run);
    const io = this.#announceExit(exit, ranMs);
    // Not before those who wait have been told: until then the next supervisor would have to tell them.
    await nextTurn();
    await io?.close();
    // Another client's task is its own to delete, unless the container goes with it.
    if (this.container.isOwn || removes) await this.deleteTask();
    faultPoint("settle.task-deleted");
    if (vanished || (removes && !this.removing)) {
      await this.remove(hostConfig.AutoRemove).catch(this.services.onDefect);
    } else if (restarts) this.scheduleRestart(state.restartDelayMs ?? 0);
    faultPoint("settle.done");
  }

  /** The kernel killed a process of the run for want of memory; its word may come behind the exit that it explains. */
  async noteOom(): Promise<void> {
    this.oomKilled = true;
    await this.transitions.run(async () => {
      const { pid, removed, state } = this;
      if (pid !== 0 || removed || state.oomKilled || state.finishedAt === "") return;
      await this.writeStateIfPresent(blameMemory(state));
    });
  }

  /** Starts the container after a pause because its policy, not a person, wants it. */
  scheduleRestart(delayMs: number): void {
    this.restartPlan.schedule(delayMs, () => {
      void this.transitions.run(async () => {
        if (!this.restartPlan.take()) return;
        const state = { ...this.state, restartCount: this.state.restartCount + 1 };
        faultPoint("restart.due");
        await this.start(state).catch(this.services.onDefect);
      });
    });
  }

  /** Asks the process to end, and waits until it has. */
  async stop(request: StopRequest, exited: Promise<unknown>): Promise<void> {
    await stopContainer(this.services.engine, this.container, request, {
      exited,
      onSignal: (number) => this.services.events.tell(this.container, "kill", { signal: String(number) }),
      onStuck: () => this.#free(exited),
    });
  }

  async deleteTask(): Promise<void> {
    try {
      await this.services.engine.containerd.tasks.delete(this.id, { timeoutMs: OWN_DEADLINE_MS });
    } catch (error) {
      if (!isEngineError(error, "not-found")) this.services.onDefect(error);
    }
  }

  /** Gives back what a run had of the host. */
  async release(run: ContainerState): Promise<void> {
    await releaseSurroundings(this.services.engine, this.container, run).catch(this.services.onDefect);
  }

  /** Takes away a container that has no task. */
  async remove(volumes: boolean): Promise<void> {
    const signal = AbortSignal.timeout(OWN_DEADLINE_MS);
    await removeContainer(this.services.engine, this.container, { volumes }, { signal });
    this.bury();
    this.services.events.tell(this.container, "destroy");
  }

  /** The container is gone, for everybody who looks on. */
  bury(): void {
    this.removed = true;
    this.services.waiting.dismiss(this.id);
    this.services.execs.dismiss(this.id);
    void this.health.end();
    this.waiters.tellRemoval(this.lastExit);
  }

  async writeState(state: ContainerState): Promise<void> {
    this.state = state;
    if (!this.container.isOwn) return;
    await writeState(this.services.engine, this.id, state);
  }

  /** As `writeState`; false when somebody has removed the container's record. */
  async writeStateIfPresent(state: ContainerState): Promise<boolean> {
    try {
      await this.writeState(state);
      return true;
    } catch (error) {
      if (isEngineError(error, "not-found")) return false;
      throw error;
    }
  }

  /** Ends a run whose shim is stuck; true when it has been settled. */
  async #free(exited: Promise<unknown>): Promise<boolean> {
    const { engine } = this.services;
    const outcome = await freeStuckTask(engine, { containerId: this.id, pid: this.pid, exited });
    if (outcome === undefined) return false;
    if (outcome !== "settled") {
      await this.transitions.run(async () => {
        if (this.pid === outcome.pid) await this.settle(outcome);
      });
    }
    return true;
  }

  /** Starts, once containerd has cleaned up after a start that an earlier supervisor was killed over. */
  async #afterCutStart<T>(start: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + CUT_START_PATIENCE_MS;
    while (true) {
      try {
        const started = await start();
        this.startWasCut = false;
        return started;
      } catch (error) {
        const busy = isEngineError(error, "internal") || isEngineError(error, "already-exists");
        if (!this.startWasCut || !busy || performance.now() > deadline) throw error;
        await delay(CUT_START_POLL_MS);
        await this.deleteTask();
      }
    }
  }

  /** What docker keeps of a failed start: the reason, an exit code, and no container if it was to be removed. */
  async #recordStartFailure(error: unknown): Promise<EngineError> {
    const { code, message, exitCode, hint } = explainStartFailure(expectedFailure(error) ?? error);
    const desired = this.state.startedAt === "" ? "created" : "stopped";
    this.state = {
      ...this.state,
      desired,
      error: message,
      exitCode: exitCode === UNEXPLAINED_FAILURE ? this.state.exitCode || exitCode : exitCode,
    };
    if (this.container.record.hostConfig.AutoRemove) await this.remove(true);
    else await this.writeState(this.state);
    return new EngineError(code, message, { cause: error, hint: hint ?? expectedFailure(error)?.hint });
  }

  /** The run is over for everybody who looks on; what is left to do has nothing to tell them. Returns its stdio. */
  #announceExit({ exitStatus }: TaskExit, ranMs: number): ProcessIo | undefined {
    const { io } = this;
    this.io = undefined;
    this.pid = 0;
    this.paused = false;
    this.services.events.networks("disconnect", this.id, this.state.endpoints);
    this.services.events.tell(this.container, "die", {
      execDuration: String(Math.floor(ranMs / 1000)),
      exitCode: String(exitStatus),
    });
    this.waiters.tellExit(this.lastExit);
    return io;
  }
}
