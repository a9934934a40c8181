import type { Socket } from "node:net";
import {
  CONNECTION_PREFACE,
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  Flag,
  type FrameListener,
  FrameReader,
  FrameType,
  frame,
  frameHead,
  headerBlock,
  LARGEST_WINDOW_BYTES,
  ResetReason,
  resetFrame,
  Setting,
  settingsFrame,
  windowUpdateFrame,
} from "./frames.ts";
import { decodeHeaders, encodeHeaders, type HeaderField } from "./hpack.ts";
import { Liveness } from "./liveness.ts";
import { Http2Stream, STREAM_WINDOW_BYTES, type StreamListener } from "./stream.ts";

/** Told when the kernel has what was written, or why it never will. */
type Written = (error?: Error | null) => void;

const LAST_STREAM_ID = 2 ** 31 - 1;

/**
 * The client's end of an HTTP/2 connection (RFC 9113) over a socket, with what gRPC needs of it: streams that flow both
 * ways, flow control, no push, no priorities. Why not `node:http2`: loading that takes some 15 ms, which is half of what
 * a short command takes in all, and it copies what it sends.
 *
 * The socket keeps the process alive while a stream is open, and only then.
 */
export class Http2Connection implements FrameListener {
  private readonly streams = new Map<number, Http2Stream>();
  private readonly reader = new FrameReader(this);
  private nextStreamId = 1;
  /** Set once the connection takes no further streams. */
  private ended = false;
  private sendWindow = DEFAULT_WINDOW_BYTES;
  private initialStreamWindow = DEFAULT_WINDOW_BYTES;
  private maxFrameBytes = DEFAULT_MAX_FRAME_BYTES;
  private unacknowledgedBytes = 0;
  private readonly liveness: Liveness;
  /** A header block whose CONTINUATION is missing. */
  private partialHeaders: { readonly streamId: number; readonly flags: number; readonly blocks: Buffer[] } | undefined;
  /** Absent until the server has been reached; what is written before waits in `unsent`. */
  private socket: Socket | undefined;
  private readonly unsent: { readonly bytes: Uint8Array; readonly written: Written | undefined }[] = [];

  constructor(patienceMs: number) {
    this.liveness = new Liveness(patienceMs, {
      // Settings that change nothing have to be acknowledged, and no server counts them as it counts pings.
      ask: () => this.write(settingsFrame([])),
      giveUp: (error) => this.giveUp(error),
    });
    this.write(CONNECTION_PREFACE);
    this.write(
      settingsFrame([
        [Setting.HEADER_TABLE_SIZE, 0],
        [Setting.ENABLE_PUSH, 0],
        [Setting.INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES],
      ]),
    );
    // The connection as a whole is not to hold a stream up: each stream's own window does that.
    this.write(windowUpdateFrame(0, LARGEST_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
  }

  /** False once the connection has ended or is about to; open the next stream on another one. */
  get isUsable(): boolean {
    return !this.ended;
  }

  /** True while somebody waits for an answer. */
  get isAwaited(): boolean {
    return this.streams.size > 0;
  }

  /** Goes over this socket from now on, be it connected or about to be. To be called once. */
  begin(socket: Socket): void {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    socket.once("error", (error) => this.fail(error));
    socket.once("close", () => this.fail(new Error("the connection was closed")));
    if (!this.isAwaited) socket.unref();
    for (const { bytes, written } of this.unsent.splice(0)) this.write(bytes, written);
  }

  /** Ends the connection, and every stream on it with the error. */
  giveUp(error: Error): void {
    this.fail(error);
    this.socket?.destroy();
    for (const { written } of this.unsent.splice(0)) written?.(error);
  }

  /** Opens a stream by sending its request headers. */
  open(headers: readonly HeaderField[], listener: StreamListener): Http2Stream {
    const id = this.nextStreamId;
    this.nextStreamId += 2;
    if (this.nextStreamId > LAST_STREAM_ID) this.ended = true;
    const stream = new Http2Stream(this, id, this.initialStreamWindow, listener);
    if (this.streams.size === 0) this.socket?.ref();
    this.streams.set(id, stream);
    this.liveness.watch();
    this.write(frame(FrameType.HEADERS, Flag.END_HEADERS, id, encodeHeaders(headers)));
    return stream;
  }

  /** Ends the connection and every stream on it. */
  close(): void {
    this.giveUp(new Error("the connection was closed"));
  }

  /**
   * Sends as much of the bytes as both windows allow, and says how much that was. `written` is called when the kernel
   * has the last of them.
   */
  sendData(stream: Http2Stream, bytes: Uint8Array, written: Written): number {
    const allowed = Math.max(0, Math.min(bytes.length, this.sendWindow, stream.sendWindow));
    this.sendWindow -= allowed;
    stream.sendWindow -= allowed;
    for (let start = 0; start < allowed; start += this.maxFrameBytes) {
      const piece = bytes.subarray(start, Math.min(start + this.maxFrameBytes, allowed));
      this.write(frameHead(FrameType.DATA, 0, stream.id, piece.length));
      this.write(piece, start + piece.length === bytes.length ? written : undefined);
    }
    return allowed;
  }

  /** Says that nothing follows on a stream. */
  sendEnd(streamId: number): void {
    this.write(frameHead(FrameType.DATA, Flag.END_STREAM, streamId, 0));
  }

  /** Lets the server send `bytes` more on a stream. */
  replenish(streamId: number, bytes: number): void {
    if (this.streams.has(streamId)) this.write(windowUpdateFrame(streamId, bytes));
  }

  /** Forgets a stream, and tells the server to if it does not know. */
  release(streamId: number, reset: boolean): void {
    if (!this.streams.delete(streamId)) return;
    if (reset) this.write(resetFrame(streamId, ResetReason.CANCEL));
    if (this.streams.size > 0) return;
    this.socket?.unref();
    this.liveness.rest();
  }

  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (this.partialHeaders && type !== FrameType.CONTINUATION) {
      throw new RangeError("a header block was interrupted by another frame");
    }
    switch (type) {
      case FrameType.HEADERS:
        this.partialHeaders = { streamId, flags, blocks: [headerBlock(flags, payload)] };
        if (flags & Flag.END_HEADERS) this.finishHeaders();
        break;
      case FrameType.CONTINUATION:
        this.partialHeaders?.blocks.push(payload);
        if (flags & Flag.END_HEADERS) this.finishHeaders();
        break;
      case FrameType.SETTINGS:
        if (!(flags & Flag.ACK)) this.applySettings(payload);
        break;
      case FrameType.PING:
        if (!(flags & Flag.ACK)) this.write(frame(FrameType.PING, Flag.ACK, 0, payload));
        break;
      case FrameType.WINDOW_UPDATE:
        this.openWindow(streamId, payload.readUInt32BE(0) & 0x7fff_ffff);
        break;
      case FrameType.RST_STREAM:
        this.streams.get(streamId)?.onReset(payload.readUInt32BE(0));
        break;
      case FrameType.GOAWAY:
        this.goAway(payload.readUInt32BE(0) & 0x7fff_ffff);
        break;
      default:
      // PRIORITY, and what later versions of the protocol may bring, is to be ignored.
    }
  }

  onData(streamId: number, piece: Buffer): void {
    this.streams.get(streamId)?.onData(piece);
  }

  onDataEnd(streamId: number, length: number, endStream: boolean): void {
    this.unacknowledgedBytes += length;
    if (this.unacknowledgedBytes > LARGEST_WINDOW_BYTES / 2) {
      this.write(windowUpdateFrame(0, this.unacknowledgedBytes));
      this.unacknowledgedBytes = 0;
    }
    if (endStream) this.streams.get(streamId)?.onServerEnd();
  }

  private receive(chunk: Buffer): void {
    this.liveness.heard();
    try {
      this.reader.push(chunk);
    } catch (error) {
      this.giveUp(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private finishHeaders(): void {
    if (!this.partialHeaders) return;
    const { streamId, flags, blocks } = this.partialHeaders;
    this.partialHeaders = undefined;
    const stream = this.streams.get(streamId);
    stream?.onHeaders(decodeHeaders(Buffer.concat(blocks)));
    if (flags & Flag.END_STREAM) stream?.onServerEnd();
  }

  private applySettings(payload: Buffer): void {
    for (let position = 0; position + 6 <= payload.length; position += 6) {
      const value = payload.readUInt32BE(position + 2);
      switch (payload.readUInt16BE(position)) {
        case Setting.INITIAL_WINDOW_SIZE:
          for (const stream of this.streams.values()) stream.sendWindow += value - this.initialStreamWindow;
          this.initialStreamWindow = value;
          break;
        case Setting.MAX_FRAME_SIZE:
          this.maxFrameBytes = value;
          break;
      }
    }
    this.write(frame(FrameType.SETTINGS, Flag.ACK, 0, Buffer.alloc(0)));
    for (const stream of this.streams.values()) stream.flush();
  }

  private openWindow(streamId: number, bytes: number): void {
    if (streamId !== 0) {
      const stream = this.streams.get(streamId);
      if (!stream) return;
      stream.sendWindow += bytes;
      stream.flush();
      return;
    }
    this.sendWindow += bytes;
    for (const stream of this.streams.values()) {
      if (this.sendWindow <= 0) break;
      stream.flush();
    }
  }

  /** The server ends the connection in good order: streams up to `lastStreamId` go on. */
  private goAway(lastStreamId: number): void {
    this.ended = true;
    for (const stream of [...this.streams.values()].filter(({ id }) => id > lastStreamId)) {
      stream.onFailure(new Error("the server is shutting down"));
    }
  }

  private fail(error: Error): void {
    this.ended = true;
    this.liveness.rest();
    for (const stream of [...this.streams.values()]) stream.onFailure(error);
  }

  /** Collects what is written in one turn of the event loop, and hands it to the kernel at once. */
  private write(bytes: Uint8Array, written?: Written): void {
    const { socket } = this;
    if (socket === undefined && !this.ended) {
      this.unsent.push({ bytes, written });
      return;
    }
    if (socket === undefined || socket.destroyed) {
      written?.(new Error("the connection was closed"));
      return;
    }
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    socket.write(bytes, written);
  }
}
