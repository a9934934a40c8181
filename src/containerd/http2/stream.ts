import type { Http2Connection } from "./connection.ts";

/** How much a stream may receive before its reader has taken some of it. */
export const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
/** A reader that has taken this much lets the server send as much again. */
const REPLENISH_BYTES = STREAM_WINDOW_BYTES / 4;

/** What becomes of a stream that was opened. After `onEnd` nothing follows. */
export interface StreamListener {
  onHeaders(headers: ReadonlyMap<string, string>): void;
  onData(piece: Buffer): void;
  /** `failure` is absent when the server ended the stream as the protocol wants it. */
  onEnd(failure?: Error): void;
}

interface Output {
  bytes: Uint8Array;
  readonly settle: (failure?: Error | null) => void;
}

/** One stream of a connection. Ends when the server has said all it has to say, when either side resets it, or with the connection. */
export class Http2Stream {
  private readonly output: Output[] = [];
  private finishing = false;
  private finished = false;
  private ended = false;
  private takenBytes = 0;

  constructor(
    private readonly connection: Http2Connection,
    readonly id: number,
    /** How much the server takes at present. The connection keeps it. */
    public sendWindow: number,
    private readonly listener: StreamListener,
  ) {}

  /**
   * Sends bytes, which must not change before the promise resolves: then the kernel has them.
   *
   * @throws Error when the stream ends before.
   */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.ended) throw new Error("the stream has ended");
    await new Promise<void>((resolve, reject) => {
      const settle = (failure?: Error | null): void => (failure ? reject(failure) : resolve());
      this.output.push({ bytes, settle });
      this.flush();
    });
  }

  /** Says, behind what was written before, that nothing follows. */
  finish(): void {
    this.finishing = true;
    this.flush();
  }

  /** Ends the stream on both sides. Its listener hears nothing more. */
  reset(): void {
    if (this.ended) return;
    this.ended = true;
    this.connection.release(this.id, true);
    this.dropOutput(new Error("the stream was reset"));
  }

  /** The listener is done with bytes it was given; the server may send as many again. */
  take(bytes: number): void {
    this.takenBytes += bytes;
    if (this.takenBytes < REPLENISH_BYTES || this.ended) return;
    this.connection.replenish(this.id, this.takenBytes);
    this.takenBytes = 0;
  }

  /** Sends what the windows allow. The connection calls this when they have opened. */
  flush(): void {
    for (let next = this.output[0]; next && !this.ended; next = this.output[0]) {
      const sent = this.connection.sendData(this, next.bytes, next.settle);
      if (sent < next.bytes.length) {
        next.bytes = next.bytes.subarray(sent);
        return;
      }
      this.output.shift();
    }
    if (!this.finishing || this.finished || this.ended) return;
    this.finished = true;
    this.connection.sendEnd(this.id);
  }

  onHeaders(headers: ReadonlyMap<string, string>): void {
    this.listener.onHeaders(headers);
  }

  onData(piece: Buffer): void {
    this.listener.onData(piece);
  }

  /** The server has sent its last. Without our own end it does not know that we have nothing to add. */
  onServerEnd(): void {
    this.end(undefined, !this.finished);
  }

  onReset(reason: number): void {
    this.end(new Error(`the server reset the stream (HTTP/2 error ${reason})`), false);
  }

  onFailure(error: Error): void {
    this.end(error, false);
  }

  private end(failure: Error | undefined, reset: boolean): void {
    if (this.ended) return;
    this.ended = true;
    this.connection.release(this.id, reset);
    this.listener.onEnd(failure);
    this.dropOutput(failure ?? new Error("the server ended the stream"));
  }

  private dropOutput(failure: Error): void {
    for (const { settle } of this.output.splice(0)) settle(failure);
  }
}
