import type { Readable } from "node:stream";
import type { LogPositions } from "./log-journal.ts";
import type { OutputStream } from "./process-io.ts";

/** Somebody who watches a process's output and may type its input. */
export interface Viewer {
  readonly stdin?: Readable | undefined;
  /** The end of `stdin` is the end of the process's input: docker's StdinOnce. */
  readonly endsStdin?: boolean;
  /** Which outputs it wants; both unless said otherwise. */
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /**
   * The process waits for this viewer as long as it takes, as a program does for its terminal. Any other viewer is cut
   * off when it does not take its output for a while: nobody who looks on may stop a container for ever.
   */
  readonly essential?: boolean;
  /** A client that comes to the next supervisor when this one is gone, and goes on where it was cut off. */
  readonly client?: ViewerClient | undefined;
  /** Takes a chunk; a promise asks for a pause until it settles. */
  onOutput(stream: OutputStream, chunk: Buffer): Promise<void> | undefined;
  /** Called once: after the last byte, or when the viewer was cut off. Not after `detach`. */
  onEnd(): void;
}

/** How a client is known that may come back. */
export interface ViewerClient {
  /** Its process id and something that no other client has: `123.0f5e`. */
  readonly key: string;
  /** What it has of the outputs, when it came back; absent when it has just come. */
  readonly has?: LogPositions | undefined;
  /** Settles when it has taken everything, the end included, or has gone. */
  readonly gone: Promise<void>;
}

export interface Attachment {
  /** Leaves; the process runs on. */
  detach(): void;
}

/** How long a viewer that is not essential may keep the process waiting. */
const STALL_LIMIT_MS = 10_000;
/** How long the end of a run waits for a client that may come back to say that it has all. */
const FAREWELL_MS = 10_000;

/** One viewer, and what it still owes. */
export class ViewerSlot {
  readonly viewer: Viewer;
  readonly #forget: () => void;
  #leaveCallbacks: (() => void)[] = [];
  #pending: Promise<void> | undefined;
  #gone = false;

  constructor(viewer: Viewer, forget: () => void) {
    this.viewer = viewer;
    this.#forget = forget;
  }

  get gone(): boolean {
    return this.#gone;
  }

  onLeave(callback: () => void): void {
    this.#leaveCallbacks.push(callback);
  }

  /** Hands a chunk on; the promise, if any, settles when the viewer took it or was cut off. */
  show(stream: OutputStream, chunk: Buffer): Promise<void> | undefined {
    if (this.viewer[stream] === false) return undefined;
    const taken = this.viewer.onOutput(stream, chunk);
    if (!taken) return undefined;
    this.#pending = this.viewer.essential ? this.#untilGone(taken) : this.#cutOffUnless(taken);
    return this.#pending;
  }

  /** Tells the viewer of the end, once it took what it was shown; a client that may come back says that it has it. */
  async end(): Promise<void> {
    await this.#pending;
    if (this.#gone) return;
    this.leave();
    this.viewer.onEnd();
    if (!this.viewer.client) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FAREWELL_MS);
    });
    await Promise.race([this.viewer.client.gone, late]);
    clearTimeout(timer);
  }

  leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#forget();
    for (const callback of this.#leaveCallbacks) callback();
    this.#leaveCallbacks = [];
  }

  #untilGone(taken: Promise<void>): Promise<void> {
    return Promise.race([taken, new Promise<void>((resolve) => this.onLeave(resolve))]);
  }

  async #cutOffUnless(taken: Promise<void>): Promise<void> {
    const timer = setTimeout(() => {
      this.leave();
      this.viewer.onEnd();
    }, STALL_LIMIT_MS);
    await this.#untilGone(taken);
    clearTimeout(timer);
  }
}
