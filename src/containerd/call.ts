import { EngineError, type ErrorCode } from "../errors.ts";
import type { Http2Stream, StreamListener } from "./http2/stream.ts";

/** What every call takes. */
export interface CallOptions {
  /** Ends the call, on both sides, with `canceled`. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the call with `deadline-exceeded`. */
  readonly timeoutMs?: number | undefined;
}

/** The flag and the length before each message. */
const PREFIX_BYTES = 5;
/** While more than this waits to be read, the server is not asked for more. */
const READ_AHEAD_BYTES = 1024 * 1024;

interface Waiter {
  readonly resolve: (message: Buffer | undefined) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One gRPC call on a stream: messages in both directions, then a status. A status other than OK, a broken connection,
 * the signal and the deadline all become the `EngineError` that `send` and `receive` throw from then on.
 */
export class Call implements StreamListener {
  private stream: Http2Stream | undefined;
  private status: { readonly code: number; readonly message: string } | undefined;
  private failure: EngineError | undefined;
  private ended = false;

  private readonly prefix = Buffer.alloc(PREFIX_BYTES);
  private prefixFilled = 0;
  private message: Buffer | undefined;
  private messageFilled = 0;

  private readonly received: Buffer[] = [];
  private receivedBytes = 0;
  private untakenBytes = 0;
  private readonly waiters: Waiter[] = [];
  private timer: NodeJS.Timeout | undefined;

  /** `describeFailure` finds the words for a connection that failed. */
  constructor(
    private readonly options: CallOptions,
    private readonly describeFailure: (cause: Error) => EngineError,
  ) {
    const { signal, timeoutMs } = options;
    if (signal?.aborted) {
      this.onAbort();
      return;
    }
    signal?.addEventListener("abort", this.onAbort, { once: true });
    if (timeoutMs !== undefined) this.timer = setTimeout(() => this.abandon("deadline-exceeded"), timeoutMs);
  }

  /** False for a call that has ended before it began. */
  get wantsStream(): boolean {
    return !this.ended;
  }

  /** Gives the call the stream that it runs on. */
  attach(stream: Http2Stream): void {
    this.stream = stream;
  }

  /**
   * Sends one message: its beginning, and the pieces that follow it. Resolves when the kernel has all of them; until
   * then they must not change.
   */
  async send(beginning: Uint8Array, pieces: readonly Uint8Array[] = []): Promise<void> {
    const { stream } = this;
    if (!stream || this.ended) return this.throwFailure();
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(
      pieces.reduce((sum, piece) => sum + piece.length, beginning.length),
      1,
    );
    try {
      const writes = [Buffer.concat([prefix, beginning]), ...pieces].map((bytes) => stream.write(bytes));
      await Promise.all(writes);
    } catch {
      // The server has ended the call: with a status that says why, or with answers that do not need the rest.
      this.throwFailure();
    }
  }

  /** The next message; `undefined` after the last one of a call that went well. */
  async receive(): Promise<Buffer | undefined> {
    const message = this.received.shift();
    if (message) {
      this.receivedBytes -= message.length;
      this.takeUntaken();
      return message;
    }
    if (this.ended) {
      this.throwFailure();
      return undefined;
    }
    return await new Promise<Buffer | undefined>((resolve, reject) => this.waiters.push({ resolve, reject }));
  }

  /** Says that no message follows from this side. */
  finish(): void {
    this.stream?.finish();
  }

  /** Gives the call up. Does nothing after its end. */
  cancel(): void {
    this.abandon("canceled");
  }

  onHeaders(headers: ReadonlyMap<string, string>): void {
    const code = headers.get("grpc-status");
    if (code !== undefined) {
      this.status = { code: Number(code), message: decodeMessage(headers.get("grpc-message") ?? "") };
    } else if (headers.get(":status") !== "200") {
      this.status = { code: 2, message: `the server answered with HTTP status ${headers.get(":status")}` };
    }
  }

  onData(piece: Buffer): void {
    this.untakenBytes += piece.length;
    let rest = piece;
    while (rest.length > 0) rest = this.message ? this.fillMessage(this.message, rest) : this.fillPrefix(rest);
    this.takeUntaken();
  }

  onEnd(cause?: Error): void {
    this.end(this.failureAtEnd(cause));
  }

  private failureAtEnd(cause: Error | undefined): EngineError | undefined {
    if (this.status) return this.status.code === 0 ? undefined : errorOfStatus(this.status.code, this.status.message);
    return this.describeFailure(cause ?? new Error("the server ended the call without a status"));
  }

  private fillPrefix(bytes: Buffer): Buffer {
    const taken = bytes.copy(this.prefix, this.prefixFilled, 0, PREFIX_BYTES - this.prefixFilled);
    this.prefixFilled += taken;
    const rest = bytes.subarray(taken);
    if (this.prefixFilled < PREFIX_BYTES) return rest;
    const length = this.prefix.readUInt32BE(1);
    this.prefixFilled = 0;
    if (rest.length >= length) {
      // It came in one piece, as small messages do, and can stay where it is.
      this.deliver(rest.subarray(0, length));
      return rest.subarray(length);
    }
    this.message = Buffer.allocUnsafe(length);
    this.messageFilled = 0;
    return rest;
  }

  private fillMessage(message: Buffer, bytes: Buffer): Buffer {
    const taken = bytes.copy(message, this.messageFilled);
    this.messageFilled += taken;
    if (this.messageFilled === message.length) {
      this.message = undefined;
      this.deliver(message);
    }
    return bytes.subarray(taken);
  }

  private deliver(message: Buffer): void {
    const waiter = this.waiters.shift();
    if (waiter) {
      waiter.resolve(message);
      return;
    }
    this.received.push(message);
    this.receivedBytes += message.length;
  }

  private takeUntaken(): void {
    if (this.receivedBytes > READ_AHEAD_BYTES) return;
    this.stream?.take(this.untakenBytes);
    this.untakenBytes = 0;
  }

  private readonly onAbort = (): void => this.abandon("canceled", this.options.signal?.reason);

  private abandon(code: ErrorCode, cause?: unknown): void {
    if (this.ended) return;
    const message = code === "canceled" ? "canceled" : `containerd did not answer within ${this.options.timeoutMs} ms`;
    this.end(new EngineError(code, message, { cause }));
    this.stream?.reset();
  }

  private end(failure: EngineError | undefined): void {
    if (this.ended) return;
    this.ended = true;
    this.failure = failure;
    clearTimeout(this.timer);
    this.options.signal?.removeEventListener("abort", this.onAbort);
    for (const { resolve, reject } of this.waiters.splice(0)) {
      if (failure) reject(failure);
      else resolve(undefined);
    }
  }

  private throwFailure(): void {
    if (this.failure) throw this.failure;
  }
}

const STATUS_CODES: Readonly<Record<number, ErrorCode>> = {
  1: "canceled",
  3: "invalid-argument",
  4: "deadline-exceeded",
  5: "not-found",
  6: "already-exists",
  7: "permission-denied",
  8: "resource-exhausted",
  9: "failed-precondition",
  10: "conflict",
  11: "out-of-range",
  12: "unimplemented",
  14: "unavailable",
  16: "unauthenticated",
};

/** The one place where a gRPC status becomes an error of ours. */
function errorOfStatus(code: number, message: string): EngineError {
  return new EngineError(STATUS_CODES[code] ?? "internal", message || `containerd answered with gRPC status ${code}`);
}

/** gRPC writes bytes that are not printable ASCII as in a URL. */
function decodeMessage(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}
