import type { Writable } from "node:stream";
import { type FrameStream, frameHeader } from "../../api/frames.ts";

/** What a viewer's connection may lag behind before the process is made to wait for it. */
const LAG_BYTES = 1024 * 1024;

/** A container's output on its way to a client: raw for a terminal, else each piece with its stream's frame header. */
export class OutputChannel {
  readonly #target: Writable;
  readonly #raw: boolean;
  #drained: Promise<void> | undefined;

  constructor(target: Writable, { raw }: { readonly raw: boolean }) {
    this.#target = target;
    this.#raw = raw;
  }

  /** Sends a piece; the promise, when there is one, settles once the client has caught up, or gone. */
  send(stream: FrameStream, chunk: Buffer): Promise<void> | undefined {
    const target = this.#target;
    if (target.destroyed || target.writableEnded) return undefined;
    if (!this.#raw) {
      target.cork();
      target.write(frameHeader(stream, chunk.length));
    }
    target.write(chunk);
    if (!this.#raw) target.uncork();
    if (target.writableLength < LAG_BYTES) return undefined;
    this.#drained ??= new Promise<void>((resolve) => {
      const done = () => {
        target.off("drain", done);
        target.off("close", done);
        this.#drained = undefined;
        resolve();
      };
      target.on("drain", done);
      target.on("close", done);
    });
    return this.#drained;
  }

  end(): void {
    this.#target.end();
  }
}

/** The content type of a container's output, which since API 1.42 tells raw from framed. */
export function outputContentType(options: { readonly raw: boolean; readonly apiMinor: number }): string {
  return options.raw || options.apiMinor < 42
    ? "application/vnd.docker.raw-stream"
    : "application/vnd.docker.multiplexed-stream";
}
