import type { EngineEvent } from "../model/engine-event.ts";

/** How many events are kept for `--since`. docker keeps 256; scripts that look back are glad of more. */
const KEPT_EVENTS = 1024;

type Listener = (event: EngineEvent) => void;

export interface ContainerSubject {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What happened in one namespace, since this supervisor started: told to listeners at once, kept in a ring. */
export class EventLog {
  readonly #listeners = new Set<Listener>();
  readonly #kept: EngineEvent[] = [];

  /** Tells of a container's `action`, such as `start`, `die` or `exec_create: sh`. */
  container(action: string, subject: ContainerSubject, attributes: Readonly<Record<string, string>> = {}): void {
    this.#publish({
      status: action,
      id: subject.id,
      from: subject.image,
      Type: "container",
      Action: action,
      Actor: {
        ID: subject.id,
        Attributes: { ...subject.labels, ...attributes, image: subject.image, name: subject.name },
      },
    });
  }

  /** Tells that a container was connected to a network, or disconnected from it. */
  network(action: "connect" | "disconnect", network: { id: string; name: string }, containerId: string): void {
    const attributes = { container: containerId, name: network.name, type: "bridge" };
    this.#publish({ Type: "network", Action: action, Actor: { ID: network.id, Attributes: attributes } });
  }

  /** The kept events from `sinceMs` on, oldest first. */
  since(sinceMs: number): EngineEvent[] {
    return this.#kept.filter((event) => event.timeNano / 1e6 >= sinceMs);
  }

  /** Calls `listener` with each event from now on, until the returned function is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #publish(event: Omit<EngineEvent, "scope" | "time" | "timeNano">): void {
    const now = performance.timeOrigin + performance.now();
    const stamped: EngineEvent = {
      ...event,
      scope: "local",
      time: Math.floor(now / 1000),
      timeNano: Math.round(now * 1e6),
    };
    this.#kept.push(stamped);
    if (this.#kept.length > KEPT_EVENTS) this.#kept.shift();
    for (const listener of this.#listeners) listener(stamped);
  }
}
