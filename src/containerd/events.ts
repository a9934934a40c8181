import type { ContainerdEvent, EventFields } from "./event-types.ts";
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
    for await (const envelope of this.client.serverStream("subscribe", { filters: [...filters] }, options)) {
      yield {
        timestamp: timestampToIso(envelope.timestamp),
        namespace: envelope.namespace,
        topic: envelope.topic,
        event: eventFromAny(envelope.event),
      };
    }
  }

  /** Sends an event under the topic, from the caller's namespace. */
  async publish(topic: string, event: EventFields, options?: CallOptions): Promise<void> {
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
