import http2 from "node:http2";
import net from "node:net";
import { EngineError } from "../errors.ts";
import { type CallOptions, errorOfStatus } from "./rpc.ts";

/** Headers of a call beside gRPC's own. */
export type Metadata = Readonly<Record<string, string>>;

/** One call on the wire: length-prefixed messages in both directions, then a status. */
export interface Call {
  /** Sends one message, given in pieces. Resolves once the transport takes the next. */
  send(pieces: readonly Uint8Array[]): Promise<void>;
  /** The next message; `undefined` when the call ended well. Throws what ended it otherwise. */
  receive(): Promise<Uint8Array | undefined>;
  finish(): void;
  cancel(): void;
}

/** A connection to one gRPC server, made when the first call needs it and shared by all calls. */
export class Channel {
  private session: http2.ClientHttp2Session | undefined;

  constructor(private readonly address: string) {}

  open(path: string, metadata: Metadata, options: CallOptions): Call {
    const session = this.connect();
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...metadata,
    });
    return new Http2Call(stream, options, this.address);
  }

  close(): void {
    this.session?.close();
    this.session = undefined;
  }

  private connect(): http2.ClientHttp2Session {
    if (this.session && !this.session.closed && !this.session.destroyed) return this.session;
    const session = http2.connect("http://localhost", { createConnection: () => net.connect(this.address) });
    session.on("error", () => {});
    this.session = session;
    return session;
  }
}

class Http2Call implements Call {
  private buffered: Buffer = Buffer.alloc(0);
  private readonly messages: Uint8Array[] = [];
  private ended = false;
  private failure: EngineError | undefined;
  private wake: (() => void) | undefined;

  constructor(
    private readonly stream: http2.ClientHttp2Stream,
    options: CallOptions,
    address: string,
  ) {
    stream.on("data", (chunk: Buffer) => this.take(chunk));
    const onStatus = (headers: Record<string, unknown>) => {
      if (headers["grpc-status"] === undefined) return;
      const status = Number(headers["grpc-status"]);
      if (status !== 0) this.failure = errorOfStatus(status, decodeURIComponent(String(headers["grpc-message"] ?? "")));
    };
    stream.on("response", onStatus);
    stream.on("trailers", onStatus);
    stream.on("error", (cause) => {
      this.failure ??= new EngineError("unavailable", `containerd is not running at ${address}`, {
        cause,
        hint: "start it with `systemctl start containerd`, or set one up with `wharf system install --standalone`",
      });
    });
    stream.on("close", () => {
      this.ended = true;
      this.wake?.();
    });
    options.signal?.addEventListener("abort", () => {
      this.failure ??= new EngineError("canceled", "canceled", { cause: options.signal?.reason });
      this.cancel();
    });
  }

  send(pieces: readonly Uint8Array[]): Promise<void> {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(
      pieces.reduce((sum, piece) => sum + piece.length, 0),
      1,
    );
    return new Promise((resolve) => this.stream.write(Buffer.concat([head, ...pieces]), () => resolve()));
  }

  async receive(): Promise<Uint8Array | undefined> {
    while (this.messages.length === 0 && !this.ended) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const message = this.messages.shift();
    if (message) return message;
    if (this.failure) throw this.failure;
    return undefined;
  }

  finish(): void {
    this.stream.end();
  }

  cancel(): void {
    if (!this.stream.closed) this.stream.close(http2.constants.NGHTTP2_CANCEL);
  }

  private take(chunk: Buffer): void {
    this.buffered = Buffer.concat([this.buffered, chunk]);
    while (this.buffered.length >= 5) {
      const length = this.buffered.readUInt32BE(1);
      if (this.buffered.length < 5 + length) return;
      this.messages.push(this.buffered.subarray(5, 5 + length));
      this.buffered = this.buffered.subarray(5 + length);
      this.wake?.();
    }
  }
}
