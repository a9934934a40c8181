import { setTimeout as delay } from "node:timers/promises";
import type { Containerd } from "../containerd/client.ts";
import type { ContainerdEvent } from "../containerd/events.ts";
import { Deferred } from "./deferred.ts";
import type { TaskExit } from "./exit-waiters.ts";

/** What the tasks and containers of a namespace are seen to do. */
export interface TaskObserver {
  onExit(containerId: string, exit: TaskExit): void;
  onOom(containerId: string): void;
  onPaused(containerId: string, paused: boolean): void;
  onContainerDeleted(containerId: string): void;
  /** containerd was away for a while: what happened meanwhile has to be looked up. */
  onReconnected(): void;
}

const TOPICS = ["/tasks/exit", "/tasks/oom", "/tasks/paused", "/tasks/resumed", "/containers/delete"];
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/** Listens to containerd's events of one namespace, and after a restart of containerd again, until it is stopped. */
export class TaskWatch {
  readonly #containerd: Containerd;
  readonly #observer: TaskObserver;
  readonly #abort = new AbortController();

  constructor(containerd: Containerd, observer: TaskObserver) {
    this.#containerd = containerd;
    this.#observer = observer;
  }

  /**
   * Returns once containerd tells of everything that happens from then on.
   *
   * @throws EngineError `unavailable` when containerd does not answer; the watch is over then.
   */
  async start(): Promise<void> {
    const connected = new Deferred<void>();
    const stream = this.#listen(() => connected.resolve());
    await Promise.race([connected.promise, stream]);
    void this.#goOn(stream);
  }

  stop(): void {
    this.#abort.abort();
  }

  async #goOn(first: Promise<void>): Promise<void> {
    let stream = first;
    let retryMs = FIRST_RETRY_MS;
    while (true) {
      await stream.catch(() => undefined);
      if (this.#abort.signal.aborted) return;
      await delay(retryMs);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      stream = this.#listen(() => {
        retryMs = FIRST_RETRY_MS;
        this.#observer.onReconnected();
      });
    }
  }

  async #listen(onSubscribed: () => void): Promise<void> {
    const filters = TOPICS.map((topic) => `namespace==${this.#containerd.namespace},topic=="${topic}"`);
    const events = this.#containerd.events.subscribe(filters, { signal: this.#abort.signal, onSubscribed });
    for await (const event of events) this.#dispatch(event);
  }

  #dispatch({ event }: ContainerdEvent): void {
    switch (event.type) {
      case "containerd.events.TaskExit":
        // Processes of exec have an id of their own.
        if (event.id !== event.containerId) break;
        this.#observer.onExit(event.containerId, { ...event, exitedAt: event.exitedAt ?? new Date().toISOString() });
        break;
      case "containerd.events.TaskOOM":
        this.#observer.onOom(event.containerId);
        break;
      case "containerd.events.TaskPaused":
      case "containerd.events.TaskResumed":
        this.#observer.onPaused(event.containerId, event.type === "containerd.events.TaskPaused");
        break;
      case "containerd.events.ContainerDelete":
        this.#observer.onContainerDeleted(event.id);
        break;
    }
  }
}
