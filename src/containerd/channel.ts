import { connect } from "node:net";
import { EngineError, isEngineError } from "../errors.ts";
import { Call, type CallOptions } from "./call.ts";
import { Http2Connection } from "./http2/connection.ts";
import type { HeaderField } from "./http2/hpack.ts";

/** Longer than a busy host takes to answer what costs nothing, shorter than a person waits. */
const PATIENCE_MS = 30_000;
/** How long a server that was there before is waited for: it may be restarting. */
const RESTART_PATIENCE_MS = 10_000;
const REDIAL_MS = 50;
const NOBODY_THERE = ["ENOENT", "ENOTDIR", "ECONNREFUSED"];

/** Headers of a call beside gRPC's own. */
export type Metadata = Readonly<Record<string, string>>;

/**
 * The way to one gRPC server on a unix socket. Connects when the first call needs it, and again when a connection has
 * ended; calls that begin while a server that was there before is away wait for it. Does not keep the process alive
 * between calls.
 */
export class Channel {
  private connection: Http2Connection | undefined;
  private hasConnected = false;

  /** `patienceMs` is how long a server that gives no sign of life is waited for. */
  constructor(
    private readonly address: string,
    private readonly patienceMs = PATIENCE_MS,
  ) {}

  /** Begins a call of the method at the path. A failure to connect shows in the call. */
  open(path: string, metadata: Metadata, options: CallOptions): Call {
    const call = new Call(options, (cause) => this.describeFailure(cause));
    if (!call.wantsStream) return call;
    const headers: HeaderField[] = [
      [":method", "POST"],
      [":scheme", "http"],
      [":path", path],
      [":authority", "localhost"],
      ["content-type", "application/grpc"],
      ["te", "trailers"],
      ...Object.entries(metadata),
    ];
    if (options.timeoutMs !== undefined) headers.push(["grpc-timeout", grpcTimeout(options.timeoutMs)]);
    if (!this.connection?.isUsable) this.connection = this.connect();
    call.attach(this.connection.open(headers, call));
    return call;
  }

  /** Ends the connection and the calls on it. */
  close(): void {
    this.connection?.close();
    this.connection = undefined;
  }

  private connect(): Http2Connection {
    const connection = new Http2Connection(this.patienceMs);
    if (this.hasConnected) this.redial(connection, performance.now() + RESTART_PATIENCE_MS);
    else connection.begin(connect(this.address).once("connect", () => this.noteConnected()));
    return connection;
  }

  private noteConnected(): void {
    this.hasConnected = true;
  }

  /** Tries until the server is there, nobody waits for it any more, or `deadline` has passed. */
  private redial(connection: Http2Connection, deadline: number): void {
    const socket = connect(this.address);
    const refused = (error: NodeJS.ErrnoException): void => {
      const mayComeBack = error.code === "ENOENT" || error.code === "ECONNREFUSED";
      if (!mayComeBack || !connection.isAwaited || performance.now() > deadline) connection.giveUp(error);
      else setTimeout(() => this.redial(connection, deadline), REDIAL_MS);
    };
    socket.once("error", refused);
    socket.once("connect", () => {
      socket.off("error", refused);
      connection.begin(socket);
    });
  }

  private describeFailure(cause: Error): EngineError {
    switch ((cause as NodeJS.ErrnoException).code) {
      case "ENOENT":
      case "ENOTDIR":
      case "ECONNREFUSED":
        return new EngineError("unavailable", `containerd is not running at ${this.address}`, {
          cause,
          hint: "start it with `systemctl start containerd`, or set one up with `wharf system install --standalone`",
        });
      case "EACCES":
      case "EPERM":
        return new EngineError("permission-denied", `not allowed to use containerd at ${this.address}`, {
          cause,
          hint: "run the command as root",
        });
      case "ETIMEDOUT":
        return new EngineError("deadline-exceeded", `containerd at ${this.address} does not answer`, {
          cause,
          hint: "it is stopped or stuck, or the host is overloaded; see `systemctl status containerd`",
        });
      default:
        return new EngineError("unavailable", `lost the connection to containerd at ${this.address}`, { cause });
    }
  }
}

/** True for a call that was under way when containerd went away, as when it is restarted: nobody knows what came of it. */
export function wasCutOff(error: unknown): boolean {
  if (!isEngineError(error, "unavailable") || !(error.cause instanceof Error)) return false;
  return !NOBODY_THERE.includes((error.cause as NodeJS.ErrnoException).code ?? "");
}

/** Milliseconds in the notation of gRPC, which has eight digits. */
function grpcTimeout(timeoutMs: number): string {
  return `${Math.min(Math.ceil(timeoutMs), 99_999_999)}m`;
}
