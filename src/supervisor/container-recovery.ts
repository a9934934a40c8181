import { setImmediate as nextTurn } from "node:timers/promises";
import type { TaskInfo } from "../containerd/tasks.ts";
import { recallConnection } from "../engine/containers/connect.ts";
import { discardUnfinishedTask } from "../engine/containers/create-task.ts";
import type { ContainerState } from "../model/container-record.ts";
import { hasUnsettledRun } from "../model/container-status.ts";
import type { ProcessIo } from "../stdio/process-io.ts";
import type { ContainerLife } from "./container-life.ts";
import { RunAge } from "./run-age.ts";
import { endStrayShim } from "./stray-shim.ts";

/** Exit code of a run whose end nobody saw, as docker shows it after a reboot. */
const UNSEEN_EXIT_CODE = 255;
/** How long containerd may take over a task that nobody asks for any more. */
const DISCARD_DEADLINE_MS = 60_000;

/** What is done to a container to bring it in line with what containerd knows; see `reconcile`. */
export class ContainerRecovery {
  readonly #life: ContainerLife;

  constructor(life: ContainerLife) {
    this.#life = life;
  }

  /** What was written down last. */
  get state(): ContainerState {
    return this.#life.state;
  }

  /** Whether the anonymous volumes go with a removal that was begun, or that follows of itself. */
  get removesVolumes(): boolean {
    return this.#life.state.removesVolumes ?? this.#life.container.record.hostConfig.AutoRemove;
  }

  /** True while something is under way that changes what the container is. */
  get isChanging(): boolean {
    return this.#life.transitions.isBusy;
  }

  /** True while the container is being removed. */
  get isRemoving(): boolean {
    return this.#life.removing;
  }

  get hasRestartPending(): boolean {
    return this.#life.restartPlan.isPending;
  }

  /** Takes up a process that an earlier supervisor started; `io` is absent if its FIFOs are gone. */
  async adopt(task: TaskInfo, io: ProcessIo | undefined): Promise<void> {
    const life = this.#life;
    const paused = task.status === "paused";
    life.pid = task.pid;
    life.paused = paused;
    life.io = io;
    life.age = RunAge.ofProcess(task.pid);
    const { netnsPath, endpoints } = life.state;
    if (!hasUnsettledRun(life.state) || (netnsPath !== "" && endpoints.length === 0)) await this.#completeStart(task);
    await life.services.engine.networks.ports.adopt(life.state.ports);
    if (!paused) life.health.begin();
  }

  /** Takes up what a process has written whose task is gone; the end of the run is to be told next. */
  takeOutput(io: ProcessIo): void {
    this.#life.io = io;
  }

  /** Logs and shows what is left of the output of a run that has been settled. */
  async endOutput(): Promise<void> {
    const life = this.#life;
    if (life.io === undefined) return;
    await life.transitions.run(async () => {
      const { io } = life;
      await io?.drained();
      life.io = undefined;
      await io?.close();
    });
  }

  /** Writes down what a supervisor that was killed right behind the start of the process did not come to write. */
  async #completeStart({ status, exitedAt }: TaskInfo): Promise<void> {
    const life = this.#life;
    const connection = await recallConnection(life.services.engine, life.container);
    // One that has exited since did not start after that.
    const startedAt = status === "stopped" && exitedAt !== "" ? exitedAt : new Date().toISOString();
    await life.writeState({ ...life.state, ...connection, startedAt, unsettled: true });
  }

  /** Deletes the task of a run whose end is written down; that it was not was all that kept it. */
  async finishExit(): Promise<void> {
    const life = this.#life;
    await life.transitions.run(async () => {
      life.pid = 0;
      life.paused = false;
      void life.health.end();
      await life.deleteTask();
    });
  }

  /** Settles a run that ended together with its task, unseen: the host was rebooted, or somebody deleted the task. */
  async settleUnseen(): Promise<void> {
    const life = this.#life;
    const exitedAt = new Date().toISOString();
    await life.transitions.run(() =>
      life.settle({ pid: life.pid, exitStatus: UNSEEN_EXIT_CODE, exitedAt, unseen: true }),
    );
  }

  /** Deletes a task that was made and never started. That it was started may be written down already. */
  async discardTask(): Promise<void> {
    const life = this.#life;
    life.startWasCut = true;
    await life.transitions.run(async () => {
      const { state } = life;
      if (hasUnsettledRun(state))
        await life.writeState({ ...state, startedAt: state.startedBefore ?? "", unsettled: false });
      await life.deleteTask();
    });
  }

  /**
   * A start was cut short before there was a process, and containerd may still be making its task, or undoing it. What
   * is done to the container next waits for that to be over.
   */
  async discardUnfinishedTask(): Promise<void> {
    const { services, id, transitions } = this.#life;
    const signal = AbortSignal.timeout(DISCARD_DEADLINE_MS);
    await transitions.run(() => discardUnfinishedTask(services.engine, id, { signal }));
  }

  /**
   * A shim runs though there is no task: containerd was ending the one together with the other when the supervisor was
   * killed, and may not have come to the end of that. What is done to the container next waits for it to be gone.
   */
  async endStrayShim(): Promise<void> {
    const { services, id, transitions } = this.#life;
    await transitions.run(() => endStrayShim(services.engine, id));
  }

  /** Undoes a start that a person asked for and that was cut short before there was a process. */
  async abandonStart(): Promise<void> {
    await this.#undoStart(this.#life.state.startedAt === "" ? "created" : "stopped");
  }

  /** Does, after a pause, the restart that the policy owes, undoing what an earlier supervisor had begun of it. */
  async resumeRestart(delayMs: number): Promise<void> {
    await this.#undoStart("running");
    this.#life.scheduleRestart(delayMs);
  }

  async #undoStart(desired: ContainerState["desired"]): Promise<void> {
    const life = this.#life;
    await life.transitions.run(async () => {
      life.startWasCut = true;
      await life.io?.close();
      life.io = undefined;
      life.released = life.release(life.state);
      await life.writeState({ ...life.state, desired, netnsPath: "", endpoints: [], ports: [] });
    });
  }

  /** Goes on with a removal that was interrupted. */
  async finishRemoval(): Promise<void> {
    const life = this.#life;
    life.removing = true;
    try {
      await life.transitions.run(async () => {
        const { io } = life;
        await io?.drained();
        if (life.state.desired === "running") life.state = { ...life.state, exitCode: UNSEEN_EXIT_CODE };
        life.released = life.release(life.state);
        life.waiters.tellExit(life.lastExit);
        life.io = undefined;
        // Not before those who wait have been told.
        await nextTurn();
        await io?.close();
        await life.remove(this.removesVolumes);
      });
    } finally {
      // One that failed may be asked for again.
      life.removing = false;
    }
  }

  /**
   * Gives back what an earlier run had of the host and nobody gave back, because a supervisor was killed between
   * writing an exit down and acting on it. Does nothing while the container runs.
   */
  async releaseLeftovers(): Promise<void> {
    const life = this.#life;
    await this.whileIdle(async () => {
      life.released = this.#forget();
      await life.released;
    });
  }

  /** Does some work while the container does not run and nothing changes it. If it runs, the work is not done. */
  async whileIdle(work: () => Promise<unknown>): Promise<void> {
    await this.#life.transitions.run(async () => {
      if (this.#life.pid === 0) await work();
    });
  }

  /**
   * Takes away what there is of a container whose record somebody else has removed. One that runs is left alone until
   * it ends; another client's container leaves nothing of wharf's.
   */
  async bury(): Promise<void> {
    const life = this.#life;
    life.restartPlan.cancel();
    if (life.pid !== 0 || life.removing) return;
    if (!life.container.isOwn) {
      life.bury();
      return;
    }
    await this.whileIdle(async () => {
      if (life.removed) return;
      life.released = this.#forget();
      await life.remove(false);
    });
  }

  /** Settles when whatever is under way now has come to its end, and has given back what it had. */
  async settled(): Promise<void> {
    await this.#life.transitions.run(async () => undefined);
    await this.#life.released;
  }

  async #forget(): Promise<void> {
    const { engine, onDefect } = this.#life.services;
    const forgotten = [engine.networks.forget(this.#life.id), engine.store.sharedMemory.remove(this.#life.id)];
    for (const result of await Promise.allSettled(forgotten)) if (result.status === "rejected") onDefect(result.reason);
  }
}
