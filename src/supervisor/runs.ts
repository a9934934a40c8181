import { wasCutOff } from "../containerd/channel.ts";
import { type CreateRequest, createContainer } from "../engine/containers/create.ts";
import { createContainerOnce } from "../engine/containers/create-once.ts";
import { dropPendingVolumes } from "../engine/containers/drop-pending-volumes.ts";
import { resolveContainer } from "../engine/containers/resolve.ts";
import type { StoredContainer } from "../engine/containers/stored-container.ts";
import type { ContainerStatus } from "../model/container-view.ts";
import type { ProcessIo } from "../stdio/process-io.ts";
import { ContainerRun } from "./container-run.ts";
import type { TaskExit } from "./exit-waiters.ts";
import { reconcile } from "./recovery.ts";
import type { RunServices } from "./run-services.ts";
import { type TaskObserver, TaskWatch } from "./task-watch.ts";

/** What `ps` shows of an id, or more of it. */
const SHORT_ID = /^[0-9a-f]{12,}$/;

/**
 * The containers of one namespace, as the supervisor knows them. It is the only writer, so what it remembers is right;
 * names are looked up in containerd all the same, where other clients may rename and remove.
 */
export class ContainerRuns {
  readonly #services: RunServices;
  readonly #runs = new Map<string, ContainerRun>();
  readonly #creations = new Set<Promise<unknown>>();
  #watch: TaskWatch | undefined;
  /** Under way now, and the containers that have gone meanwhile. */
  readonly #lookUps = { count: 0, gone: new Set<string>() };

  constructor(services: RunServices) {
    this.#services = services;
  }

  /**
   * Takes up what an earlier supervisor left, and watches from then on.
   *
   * @throws EngineError `unavailable` when containerd does not answer; it can be called again.
   */
  async recover(): Promise<void> {
    const watch = new TaskWatch(this.#services.engine.containerd, this.#observer());
    await watch.start();
    this.#watch = watch;
    await dropPendingVolumes(this.#services.engine).catch(this.#services.onDefect);
    await this.reconcile();
  }

  /** Brings what is known of the containers in line with containerd; see `reconcile` of recovery. */
  async reconcile(): Promise<void> {
    const known = [...this.#runs.values()];
    const present = await reconcile(this.#services, (container) => this.#track(container));
    // Their removal was not seen: containerd was away, or lost the event.
    for (const run of known) if (!present.has(run.id) && !run.recovery.isChanging) run.vanish();
  }

  /** Every container that is known. */
  list(): ContainerRun[] {
    return [...this.#runs.values()];
  }

  /** Settles when everything that is under way now, creations too, has come to its end. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#creations);
    await Promise.allSettled(this.list().map((run) => run.recovery.settled()));
  }

  /** How many containers run. */
  get runningCount(): number {
    return [...this.#runs.values()].filter(({ pid }) => pid !== 0).length;
  }

  /** The stdio of a container's present run. */
  io(containerId: string): ProcessIo | undefined {
    return this.#runs.get(containerId)?.io;
  }

  statusOf(containerId: string): ContainerStatus | undefined {
    return this.#runs.get(containerId)?.status;
  }

  /**
   * Makes a container that is not started yet. See `createContainer`, and `createContainerOnce` for one whose id the
   * client has chosen.
   */
  async create(
    request: CreateRequest,
    { signal, snapshotter }: { readonly signal: AbortSignal; readonly snapshotter: string },
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
    const { engine, names, events } = this.#services;
    const containerd = engine.containerd.withNamespace(engine.containerd.namespace, snapshotter);
    const { id } = request;
    const makers = { ...engine, containerd, names };
    const creation =
      id === undefined
        ? createContainer(makers, request, { signal })
        : createContainerOnce(makers, { ...request, id }, { signal });
    this.#creations.add(creation);
    const { container, warnings } = await creation.finally(() => this.#creations.delete(creation));
    this.#track(container);
    events.tell(container, "create");
    return { id: container.id, warnings };
  }

  /**
   * Finds a container by name, id or unique prefix; by what is shown as its id, without asking containerd: that reads all
   * records of the namespace.
   *
   * @throws EngineError `not-found`; `invalid-argument` for an ambiguous prefix.
   */
  async find(nameOrId: string, { signal }: { readonly signal: AbortSignal }): Promise<ContainerRun> {
    const known = this.#runs.get(nameOrId) ?? this.#byShortId(nameOrId);
    if (known?.container.isOwn) return known;
    const run = await this.#lookUp(nameOrId, signal);
    if (!run.container.isOwn) await run.observeForeign(signal);
    return run;
  }

  /** Lets go of all containers, which run on. */
  async release(): Promise<void> {
    this.#watch?.stop();
    await Promise.all([...this.#runs.values()].map((run) => run.release()));
  }

  async #lookUp(nameOrId: string, signal: AbortSignal): Promise<ContainerRun> {
    const lookUps = this.#lookUps;
    lookUps.count += 1;
    try {
      for (;;) {
        const container = await this.#resolve(nameOrId, signal);
        // One that has gone since containerd answered would be taken for a new one, and removed a second time.
        if (!lookUps.gone.has(container.id)) return this.#track(container);
      }
    } finally {
      lookUps.count -= 1;
      if (lookUps.count === 0) lookUps.gone.clear();
    }
  }

  /** The one container whose id begins so; undefined when there are several, or when it is a container's name. */
  #byShortId(text: string): ContainerRun | undefined {
    if (!SHORT_ID.test(text)) return undefined;
    const found = [...this.#runs.values()].filter(
      ({ id, container }) => id.startsWith(text) || container.name === text,
    );
    const [run] = found;
    return found.length === 1 && run?.id.startsWith(text) ? run : undefined;
  }

  /** A containerd that goes away over the question is asked again when it is back: nothing has been done yet. */
  async #resolve(nameOrId: string, signal: AbortSignal): Promise<StoredContainer> {
    try {
      return await resolveContainer(this.#services.engine, nameOrId, { signal });
    } catch (error) {
      if (!wasCutOff(error)) throw error;
      return await resolveContainer(this.#services.engine, nameOrId, { signal });
    }
  }

  #track(container: StoredContainer): ContainerRun {
    const known = this.#runs.get(container.id);
    if (known !== undefined) {
      known.refresh(container);
      return known;
    }
    const run = new ContainerRun(this.#services, container);
    this.#runs.set(container.id, run);
    void run.wait("removed").then(() => {
      this.#runs.delete(container.id);
      if (this.#lookUps.count > 0) this.#lookUps.gone.add(container.id);
    });
    return run;
  }

  #observer(): TaskObserver {
    const { onDefect } = this.#services;
    return {
      onExit: (id: string, exit: TaskExit) => void this.#runs.get(id)?.settle(exit).catch(onDefect),
      onOom: (id) => this.#runs.get(id)?.noteOom(),
      onPaused: (id, paused) => this.#runs.get(id)?.notePaused(paused),
      onContainerDeleted: (id) => this.#runs.get(id)?.vanish(),
      onReconnected: () => void this.reconcile().catch(onDefect),
    };
  }
}
