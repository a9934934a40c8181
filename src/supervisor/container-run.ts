import { notRunning, SIGKILL, signalContainer, stopSignalOf } from "../engine/containers/kill.ts";
import { pauseContainer, unpauseContainer } from "../engine/containers/pause.ts";
import { type RemoveRequest, requireRemovable } from "../engine/containers/remove.ts";
import { renameContainer } from "../engine/containers/rename.ts";
import type { StopRequest } from "../engine/containers/stop.ts";
import { findTask, notOurs, type StoredContainer } from "../engine/containers/stored-container.ts";
import { EngineError } from "../errors.ts";
import { faultPoint } from "../fault-point.ts";
import type { ContainerStatus } from "../model/container-view.ts";
import type { ProcessIo } from "../stdio/process-io.ts";
import { ContainerLife } from "./container-life.ts";
import { ContainerRecovery } from "./container-recovery.ts";
import type { ContainerExit, TaskExit, WaitCondition } from "./exit-waiters.ts";
import type { RunServices } from "./run-services.ts";

/**
 * One container under supervision, as those see it who use it: what people ask of it, and what containerd tells of it.
 * Stopping only asks for an exit, so it does not hold the steps up that change what the container is.
 */
export class ContainerRun {
  readonly id: string;
  readonly recovery: ContainerRecovery;
  readonly #life: ContainerLife;
  readonly #services: RunServices;

  constructor(services: RunServices, container: StoredContainer) {
    this.id = container.id;
    this.#services = services;
    this.#life = new ContainerLife(services, container);
    this.recovery = new ContainerRecovery(this.#life);
  }

  get container(): StoredContainer {
    return this.#life.container;
  }

  /** The stdio of the present run; undefined between runs. */
  get io(): ProcessIo | undefined {
    return this.#life.io;
  }

  /** The process of the present run; 0 between runs. */
  get pid(): number {
    return this.#life.pid;
  }

  get status(): ContainerStatus {
    return this.#life.status;
  }

  /** Takes a newer reading of the container's name and labels. Its state is what this object wrote last. */
  refresh(container: StoredContainer): void {
    this.#life.container = container;
  }

  /** Looks up whether a container of another client runs: its starts and exits are not seen. */
  async observeForeign(signal: AbortSignal): Promise<void> {
    const task = await findTask(this.#services.engine, this.id, { signal });
    const alive = task !== undefined && task.status !== "stopped";
    this.#life.pid = alive ? task.pid : 0;
    this.#life.paused = task?.status === "paused";
  }

  /**
   * Starts the container because a person asked for it. Answers false if it runs already.
   *
   * @throws EngineError `command-not-found`, `command-not-executable`, or what kept it from starting; the failure is
   * written down as docker does. `conflict` while it is being removed.
   */
  start(): Promise<boolean> {
    return this.#life.transitions.run(() => this.#start());
  }

  async #start(): Promise<boolean> {
    const life = this.#life;
    life.requirePresent();
    // The removal has ended the process, or found none, and will not look again.
    if (life.removing) throw new EngineError("conflict", "container is marked for removal and cannot be started");
    if (!life.container.isOwn) throw notOurs(life.container);
    if (life.paused) throw new EngineError("conflict", "cannot start a paused container, try unpause instead");
    if (life.pid !== 0) return false;
    life.restartPlan.cancel();
    await life.start({ ...life.state, restartCount: 0, restartDelayMs: undefined });
    return true;
  }

  /** Ends the container's process, and keeps its policy from starting it again. Answers false if there was nothing to end. */
  async stop(request: StopRequest): Promise<boolean> {
    const life = this.#life;
    stopSignalOf(life.container, request.stopSignal);
    const exited = await life.transitions.run(async () => {
      if (life.pid === 0 && !life.restartPlan.isPending) return undefined;
      const overruled = life.restartAsked || life.removing;
      if (!overruled) await life.writeState({ ...life.state, desired: "stopped", stoppedByUser: true });
      life.restartPlan.cancel();
      faultPoint("stop.intended");
      return { promise: life.waiters.exit };
    });
    if (exited === undefined) return false;
    if (life.pid !== 0) await life.stop(request, exited.promise);
    this.#services.events.tell(life.container, "stop");
    return true;
  }

  /** Ends the container's process if it runs, and starts it again. */
  async restart(request: StopRequest): Promise<void> {
    const { restartsAsked, transitions } = this.#life;
    const restart = {};
    restartsAsked.add(restart);
    try {
      await this.stop(request);
      faultPoint("restart.stopped");
      await transitions.run(async () => {
        await this.#start();
        // Within the step: an end of the new process that waits to be settled is owed no start by this restart.
        restartsAsked.delete(restart);
      });
    } finally {
      restartsAsked.delete(restart);
    }
    this.#services.events.tell(this.container, "restart");
  }

  /** Sends a signal. One that is meant to end the container also keeps its policy from starting it again. */
  async kill(number: number): Promise<void> {
    const life = this.#life;
    const { container } = life;
    const { StopSignal: stopSignal } = container.record.config;
    // docker's rule: without a stop signal of its own, any signal may be the one that ends the container.
    const ends = !stopSignal || number === SIGKILL || number === stopSignalOf(container);
    const exited = await life.transitions.run(async () => {
      if (life.pid === 0) throw notRunning(container);
      if (container.record.hostConfig.RestartPolicy.Name !== "no") {
        const desired = ends && !life.removing ? "stopped" : life.state.desired;
        await life.writeState({ ...life.state, desired, stoppedByUser: true });
      } else if (ends) life.state = { ...life.state, stoppedByUser: true };
      return { promise: life.waiters.exit };
    });
    await signalContainer(this.#services.engine, container, { number, ends });
    this.#services.events.tell(container, "kill", { signal: String(number) });
    faultPoint("kill.signalled");
    if (number === SIGKILL) await exited.promise;
  }

  async pause(signal: AbortSignal): Promise<void> {
    const life = this.#life;
    const { engine, execs } = this.#services;
    // A probe that is frozen with the container would hold up its shim, and count as a failure.
    if (life.pid !== 0 && !life.paused) await life.health.end();
    try {
      await execs.whileNoneStarts(this.id, () => pauseContainer(engine, life.container, { signal }));
      life.paused = true;
      await life.health.notePaused();
    } finally {
      if (life.pid !== 0 && !life.paused) life.health.begin();
    }
    this.#services.events.tell(this.container, "pause");
  }

  async unpause(signal: AbortSignal): Promise<void> {
    await unpauseContainer(this.#services.engine, this.container, { signal });
    this.#life.paused = false;
    this.#life.health.begin();
    this.#services.events.tell(this.container, "unpause");
  }

  async rename(newName: string, signal: AbortSignal): Promise<void> {
    const { engine, names, events } = this.#services;
    const oldName = this.container.name;
    const request = { containerd: engine.containerd, names };
    this.#life.container = await renameContainer(request, this.container, newName, { signal });
    events.tell(this.container, "rename", { oldName: `/${oldName}` });
  }

  /**
   * Removes the container with all that belongs to it; with `force`, ends it first.
   *
   * @throws EngineError `conflict` while it runs, or is being removed already.
   */
  async remove({ force, volumes }: RemoveRequest & { readonly force: boolean }): Promise<void> {
    const life = this.#life;
    if (force) this.#beginRemoval();
    else {
      // Between two steps: in the middle of one a container that starts, or is to be started again, seems to be still.
      await life.transitions.run(async () => {
        life.requirePresent();
        if (!life.removing) requireRemovable(life.container, life.status);
        this.#beginRemoval();
      });
    }
    try {
      const exited = await life.transitions.run(async () => {
        life.requirePresent();
        life.restartPlan.cancel();
        await life.writeStateIfPresent({ ...life.state, desired: "removed", removesVolumes: volumes });
        faultPoint("rm.intended");
        return { promise: life.waiters.exit };
      });
      if (life.pid !== 0) await life.stop({ stopSignal: "SIGKILL" }, exited.promise);
      if (!life.container.isOwn) await life.deleteTask();
      await life.transitions.run(async () => {
        // A container that has been found without its record, or its task, may be gone by now.
        if (!life.removed) await life.remove(volumes);
      });
    } finally {
      life.removing = false;
    }
  }

  #beginRemoval(): void {
    const life = this.#life;
    if (life.removing) {
      throw new EngineError("conflict", `removal of container ${life.container.name} is already in progress`);
    }
    life.removing = true;
  }

  /** Settles when the condition is met; see docker's `POST /containers/{id}/wait`. */
  wait(condition: WaitCondition): Promise<ContainerExit> {
    const life = this.#life;
    if (condition === "removed") return life.waiters.removal;
    const idle = life.pid === 0 && !life.restartPlan.isPending;
    if (condition === "not-running" && idle) return Promise.resolve(life.lastExit);
    return life.waiters.exit;
  }

  /** The container's process has ended, as containerd says. */
  async settle(exit: TaskExit): Promise<void> {
    await this.#life.transitions.run(async () => {
      if (this.#life.pid === exit.pid) await this.#life.settle(exit);
    });
  }

  /** The kernel killed a process of the container for want of memory. */
  noteOom(): void {
    this.#life.noteOom().catch(this.#services.onDefect);
    this.#services.events.tell(this.container, "oom");
  }

  notePaused(paused: boolean): void {
    const life = this.#life;
    if (life.paused === paused || life.pid === 0) return;
    life.paused = paused;
    // Another client did it: its pausing cannot be held up, so a probe under way is only cut short.
    if (!paused) {
      life.health.begin();
      return;
    }
    const ended = life.health.end();
    void ended.then(() => life.health.notePaused()).catch(this.#services.onDefect);
  }

  /** Somebody else removed the container's record: what else there is of it goes too, unless it still runs. */
  vanish(): void {
    this.recovery.bury().catch(this.#services.onDefect);
  }

  /** Lets go of the container, which lives on. Settles when nothing of the supervisor's runs in it. */
  async release(): Promise<void> {
    this.#life.restartPlan.cancel();
    await this.#life.health.end();
    await this.#life.released;
  }
}
