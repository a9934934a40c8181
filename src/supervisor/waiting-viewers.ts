import type { ProcessIo } from "../stdio/process-io.ts";
import type { Attachment, Viewer } from "../stdio/viewer.ts";

/** Those who attached to containers that do not run yet, as `run` and `start -a` do: they see the next run whole. */
export class WaitingViewers {
  readonly #waiting = new Map<string, Set<WaitingViewer>>();

  /** Lets `viewer` see the container's next run from its first byte. */
  add(containerId: string, viewer: Viewer): Attachment {
    const waiting = this.#waiting.get(containerId) ?? new Set();
    this.#waiting.set(containerId, waiting);
    const entry: WaitingViewer = { viewer, attachment: undefined };
    waiting.add(entry);
    return {
      detach: () => {
        waiting.delete(entry);
        entry.attachment?.detach();
      },
    };
  }

  /** True when the client of this key waits for the container. */
  has(containerId: string, key: string): boolean {
    return [...(this.#waiting.get(containerId) ?? [])].some(({ viewer }) => viewer.client?.key === key);
  }

  /** The container is about to start: everybody who waits for it is shown its output. Call before Tasks.Start. */
  admit(containerId: string, io: ProcessIo): void {
    for (const entry of this.#take(containerId)) entry.attachment = io.attach(entry.viewer);
  }

  /** The container failed to start, or was removed: there is nothing to see. */
  dismiss(containerId: string): void {
    for (const { viewer } of this.#take(containerId)) viewer.onEnd();
  }

  #take(containerId: string): readonly WaitingViewer[] {
    const waiting = [...(this.#waiting.get(containerId) ?? [])];
    this.#waiting.delete(containerId);
    return waiting;
  }
}

interface WaitingViewer {
  readonly viewer: Viewer;
  attachment: Attachment | undefined;
}
