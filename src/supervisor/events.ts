import type { StoredContainer } from "../engine/containers/stored-container.ts";
import type { EndpointState } from "../model/container-record.ts";
import type { EngineEvent } from "../model/engine-event.ts";
import { WallClock } from "../wall-clock.ts";

/** How many events are kept for `--since`. docker keeps 256; scripts that look back are glad of more. */
const KEPT_EVENTS = 1024;

type Listener = (event: EngineEvent) => void;

/** What happened in one namespace, since this supervisor started: told to listeners at once, kept in a ring. */
export class EventLog {
  readonly #listeners = new Set<Listener>();
  readonly #kept: EngineEvent[] = [];
  readonly #clock = new WallClock();

  /** Tells of a container's `action`, such as `start`, `die` or `exec_create: sh`. */
  tell({ id, name, record }: StoredContainer, action: string, attributes: Readonly<Record<string, string>> = {}): void {
    const { Image: image, Labels: labels } = record.config;
    const actor = { ID: id, Attributes: { ...labels, ...attributes, image, name } };
    this.#publish({ status: action, id, from: image, Type: "container", Action: action, Actor: actor });
  }

  /** Tells that a container was connected to its networks, or disconnected from them. */
  networks(action: "connect" | "disconnect", containerId: string, endpoints: readonly EndpointState[]): void {
    for (const { networkId, networkName } of endpoints) {
      const attributes = { container: containerId, name: networkName, type: "bridge" };
      this.#publish({ Type: "network", Action: action, Actor: { ID: networkId, Attributes: attributes } });
    }
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
    const now = this.#clock.now();
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
