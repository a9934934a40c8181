import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ContainerdEvent, EventFields, UnknownEvent } from "./event-types.ts";
import type { EventsDefinition } from "./generated/containerd/services/events/v1/events.ts";
import type { CallOptions, ServiceClient } from "./rpc.ts";
import { timestampFromIso, timestampToIso } from "./timestamps.ts";

export type { ContainerdEvent, EventFields };

/** containerd's Events service: what happens in the daemon, while somebody listens. There is no history. */
export class Events {
  constructor(private readonly client: ServiceClient<typeof EventsDefinition>) {}

  /**
   * The events of *all* namespaces that match one of the filters, such as `namespace==default,topic~=|^/tasks/|`;
   * without a filter all. Goes on until the signal ends it, with `canceled`, or the daemon does, with `unavailable`.
   * containerd has subscribed once `onSubscribed` is called; what happened before is not seen.
   */
  async *subscribe(
    filters: readonly string[] = [],
    options: CallOptions & { readonly onSubscribed?: () => void } = {},
  ): AsyncGenerator<ContainerdEvent, void, void> {
    const { eventFromAny } = await import("./event-types.ts");
    const { onSubscribed, ...call } = options;
    const probe = onSubscribed && new SubscriptionProbe(this, onSubscribed);
    const wanted = probe && filters.length > 0 ? [...filters, probe.filter] : [...filters];
    const envelopes = this.client.serverStream("subscribe", { filters: wanted }, call);
    void probe?.start();
    try {
      for await (const envelope of envelopes) {
        if (probe?.recognizes(envelope.topic)) continue;
        yield {
          timestamp: timestampToIso(envelope.timestamp),
          namespace: envelope.namespace,
          topic: envelope.topic,
          event: eventFromAny(envelope.event),
        };
      }
    } finally {
      probe?.stop();
    }
  }

  /** Sends an event under the topic, from the caller's namespace. */
  async publish(topic: string, event: EventFields | UnknownEvent, options?: CallOptions): Promise<void> {
    const { eventToAny } = await import("./event-types.ts");
    await this.client.unary("publish", { topic, event: eventToAny(event) }, options);
  }

  /** Sends an event on as it is, with its own time and namespace. */
  async forward(event: ContainerdEvent, options?: CallOptions): Promise<void> {
    const { eventToAny } = await import("./event-types.ts");
    const envelope = {
      timestamp: timestampFromIso(event.timestamp),
      namespace: event.namespace,
      topic: event.topic,
      event: eventToAny(event.event),
    };
    await this.client.unary("forward", { envelope }, options);
  }
}

const FIRST_PROBE_MS = 2;

/**
 * Finds out when a subscription is in force. containerd does not say so: its answer begins with the first event. So
 * events of a topic of our own are sent until one comes back.
 */
class SubscriptionProbe {
  readonly #topic = `/wharf/probes/${randomUUID()}`;
  readonly filter = `topic=="${this.#topic}"`;
  #over = false;

  constructor(
    private readonly events: Events,
    private readonly onSubscribed: () => void,
  ) {}

  /** True for a probe that came back. */
  recognizes(topic: string): boolean {
    if (topic !== this.#topic) return false;
    if (!this.#over) this.onSubscribed();
    this.#over = true;
    return true;
  }

  /** Sends probes, fewer and fewer, until one came back or the subscription ended. */
  async start(): Promise<void> {
    for (let pauseMs = FIRST_PROBE_MS; !this.#over; pauseMs *= 2) {
      await delay(pauseMs, undefined, { ref: false });
      // A containerd that does not answer ends the subscription too, and its error is the one that counts.
      await this.events
        .publish(this.#topic, { type: "unknown", typeUrl: "wharf.probe", fields: {} })
        .catch(() => undefined);
    }
  }

  stop(): void {
    this.#over = true;
  }
}
