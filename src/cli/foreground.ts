import { spawnSync } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import type { ReadStream, WriteStream } from "node:tty";
import type { EngineApi, HijackedStream } from "../api/client.ts";
import { FrameReader } from "../api/frames.ts";
import { DEFAULT_DETACH_KEYS, DetachScanner, parseDetachKeys } from "../model/detach-keys.ts";
import { toolEnvironment } from "../program-environment.ts";
import { endAfterFailedWrite, isClosedPipe, warn } from "./output.ts";
import { TerminalSizes } from "./terminal-size.ts";

/** The streams that a container or exec process is tied to: this process's own. */
export interface ForegroundStreams {
  /** Absent: the process's input is not ours. */
  readonly stdin?: Readable | undefined;
  readonly stdout?: Writable | undefined;
  readonly stderr?: Writable | undefined;
}

export interface ForegroundOptions {
  /** The process has a terminal: one output, raw bytes, and detach keys in the input. */
  readonly terminal: boolean;
  /** docker's form, `ctrl-p,ctrl-q`; undefined is the default. */
  readonly detachKeys?: string | undefined;
  readonly streams: ForegroundStreams;
  /** Tells the process's terminal its size: the path of the resize call. */
  readonly resizePath: string;
}

/** How the connection to a process came to its end. */
export type ForegroundEnd = "ended" | "detached" | "closed-output";

/**
 * Ties this process's streams to a process over an attached connection: what is typed goes in, what comes out is
 * written, in order and with back-pressure. With a terminal on both sides, ours is raw meanwhile, and tells its size
 * whenever that changes; it is restored in any case.
 *
 * `follow` settles at the end of the output; an input that ends before that is passed on, and the output goes on. After
 * a connection that was cut it can be called again with another one.
 */
export class Foreground implements Disposable {
  readonly #options: ForegroundOptions;
  readonly #sizes: TerminalSizes | undefined;
  #connection: HijackedStream | undefined;
  #received: { stdout: number; stderr: number } | undefined;
  #finish: (end: ForegroundEnd) => void = () => undefined;
  #leaveInput: () => void = () => undefined;
  /** Present once the input has been taken. */
  #input: { ended: boolean } | undefined;

  constructor(api: EngineApi, options: ForegroundOptions) {
    this.#options = options;
    const { stdout, stderr } = options.streams;
    if (options.terminal && isTerminal(stdout)) this.#sizes = new TerminalSizes(api, options.resizePath, stdout);
    // Whoever read our output has left, as `head` does.
    for (const target of [stdout, stderr]) target?.on("error", (error) => this.#onFailedWrite(error));
  }

  /** How much of the process's outputs has been written here, together with what came before the first connection. */
  get received(): { readonly stdout: number; readonly stderr: number } {
    return this.#received ?? { stdout: 0, stderr: 0 };
  }

  /** Ties the process to a connection, and returns how that came to its end. */
  async follow(connection: HijackedStream): Promise<ForegroundEnd> {
    this.#connection = connection;
    this.#received ??= { ...connection.position };
    const finished = new Promise<ForegroundEnd>((resolve) => {
      this.#finish = resolve;
    });
    this.#receive(connection);
    this.#send(connection.socket);
    const end = await finished;
    // Not before this do we leave: it tells the supervisor that we have everything.
    connection.socket.destroy();
    // What is typed now is for the next connection, if there is one.
    if (end === "ended") this.#options.streams.stdin?.pause();
    else this.release();
    return end;
  }

  /** The process runs now, so its terminal can be told its size. */
  started(): void {
    this.#sizes?.follow();
  }

  /** The terminal is ours again, before anything is said about the end. */
  release(): void {
    this.#leaveInput();
  }

  /** Restores the terminal and lets go of the streams. */
  [Symbol.dispose](): void {
    this.release();
    this.#sizes?.stop();
    this.#connection?.socket.destroy();
  }

  #receive({ socket, raw }: HijackedStream): void {
    const { stdout, stderr } = this.#options.streams;
    const finish = this.#finish;
    const received = this.#received ?? { stdout: 0, stderr: 0 };
    const show = (stream: "stdout" | "stderr", chunk: Buffer) => {
      received[stream] += chunk.length;
      const target = stream === "stdout" ? stdout : stderr;
      // Several frames may come in one piece: the first that is too much stops the connection for all.
      if (!target || target.write(chunk) || socket.isPaused()) return;
      socket.pause();
      target.once("drain", () => socket.resume());
    };
    if (raw) socket.on("data", (chunk: Buffer) => show("stdout", chunk));
    else {
      const frames = new FrameReader((stream, chunk) => show(stream === "stderr" ? "stderr" : "stdout", chunk));
      socket.on("data", (chunk: Buffer) => frames.push(chunk));
    }
    // A connection that breaks off ends the output; why the process ended is for its exit code to say.
    for (const event of ["end", "close", "error"]) socket.on(event, () => this.#finishWritten(finish));
  }

  /** What came last is still on its way to our outputs, and may fail there, which comes before any exit code. */
  #finishWritten(finish: (end: ForegroundEnd) => void): void {
    const { stdout, stderr } = this.#options.streams;
    const written = [stdout, stderr].map(
      (target) => new Promise<void>((resolve) => (target ? target.write("", () => resolve()) : resolve())),
    );
    // A stream tells of an error behind the callbacks of its writes.
    void Promise.all(written).then(() => setImmediate(() => finish("ended")));
  }

  #onFailedWrite(error: Error): void {
    this.#finish("closed-output");
    if (!isClosedPipe(error)) endAfterFailedWrite(error);
  }

  /** Sends the input along a connection: from its beginning, or from where the last connection was cut. */
  #send(socket: Socket): void {
    const { stdin } = this.#options.streams;
    if (stdin === undefined) return;
    if (this.#input === undefined) this.#takeInput(stdin);
    else if (this.#input.ended) socket.end();
    else stdin.resume();
  }

  #takeInput(stdin: Readable): void {
    const input = { ended: false };
    this.#input = input;
    const scanner = this.#options.terminal && isTerminal(stdin) ? this.#scanner() : undefined;
    const forward = (chunk: Buffer) => {
      const socket = this.#connection?.socket;
      const { pass, detached } = scanner?.scan(chunk) ?? { pass: chunk, detached: false };
      if (detached) {
        if (pass.length > 0) socket?.write(pass);
        this.#finish("detached");
        return;
      }
      if (pass.length === 0 || socket === undefined || socket.write(pass) || stdin.isPaused()) return;
      stdin.pause();
      // The next connection resumes it if this one is cut.
      socket.once("drain", () => stdin.resume());
    };
    const end = () => {
      input.ended = true;
      this.#connection?.socket.end();
    };
    const restore = this.#options.terminal && isTerminal(stdin) ? makeRaw(stdin) : undefined;
    stdin.on("data", forward);
    stdin.once("end", end);
    stdin.once("error", end);
    this.#leaveInput = () => {
      this.#leaveInput = () => undefined;
      stdin.off("data", forward);
      stdin.off("end", end);
      stdin.off("error", end);
      restore?.();
      // An input that nobody reads must not keep this process alive.
      stdin.destroy();
    };
  }

  #scanner(): DetachScanner {
    const { detachKeys } = this.#options;
    try {
      return new DetachScanner(parseDetachKeys(detachKeys || DEFAULT_DETACH_KEYS));
    } catch (error) {
      warn(`invalid detach escape keys, using default: ${(error as Error).message}`);
      return new DetachScanner(parseDetachKeys(DEFAULT_DETACH_KEYS));
    }
  }
}

/**
 * Hands the terminal over to the other one: no echo, no line editing, and no translation of what is shown either. The
 * last Node leaves on, and `\n` would move a full-screen program's cursor to the line's start; so `stty` turns it off.
 */
function makeRaw(stdin: ReadStream): () => void {
  const before = stdin.isRaw;
  stdin.setRawMode(true);
  spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"], env: toolEnvironment() });
  return () => {
    stdin.setRawMode(before);
  };
}

function isTerminal(stream: Readable | undefined): stream is ReadStream;
function isTerminal(stream: Writable | undefined): stream is WriteStream;
function isTerminal(stream: Readable | Writable | undefined): boolean {
  return (stream as { isTTY?: boolean } | undefined)?.isTTY === true;
}
