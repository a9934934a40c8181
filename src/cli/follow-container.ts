import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { type EngineApi, type HijackedStream, readLines } from "../api/client.ts";
import { EngineError, isEngineError } from "../errors.ts";
import type { ContainerInspect, ContainerWait } from "../model/container-view.ts";
import { EXIT_FAILURE } from "./exit-codes.ts";
import { Foreground, type ForegroundStreams } from "./foreground.ts";
import { printError } from "./output.ts";
import { SignalProxy } from "./signal-proxy.ts";

export interface FollowRequest {
  readonly containerId: string;
  readonly terminal: boolean;
  readonly streams: ForegroundStreams;
  readonly detachKeys?: string | undefined;
  /** Hand signals on to the container. */
  readonly signalProxy: boolean;
  /** docker's `attach` says so and fails when the user detaches; its `run` and `start` end quietly. */
  readonly detachingFails?: boolean;
  /** What the container's end is: `next-exit` of one that is about to start, `removed` with --rm. */
  readonly until: "not-running" | "next-exit" | "removed";
  /**
   * Starts the container, once everything is tied to it; absent when it runs already. The query is for the start call: by
   * it a supervisor that does not know us, as it has just come, refuses with `unavailable`.
   */
  readonly start?: ((query: StartQuery) => Promise<unknown>) | undefined;
  /** When the container was last started, before `start`; absent if it never was. */
  readonly startedBefore?: string | undefined;
  /** Sees to it that there is a supervisor, in the place of one that has gone. */
  readonly reopen: () => Promise<unknown>;
}

export interface StartQuery {
  readonly "wharf-client": string;
}

/** The exit code that a shell gives to a process whose reader has left: 128 + SIGPIPE. */
const EXIT_CLOSED_OUTPUT = 141;
/** How often in a row the supervisor may go away before anything was received from it. */
const MOST_ATTEMPTS = 20;
const RETRY_MS = 50;

/**
 * Ties this process to a container until its end, and returns its exit code, or that of detaching. When the supervisor
 * goes away meanwhile, goes on with the next one at the very next byte. The command has to release its interrupts
 * before, as signals are the container's now.
 *
 * @throws EngineError what `start` throws; what the wait ended with, such as a supervisor that cannot be started again.
 */
export async function followContainer(api: EngineApi, request: FollowRequest): Promise<number> {
  using follow = new Follow(api, request);
  for (let attempts = 1; ; attempts++) {
    try {
      return await follow.once();
    } catch (error) {
      if (!isEngineError(error, "unavailable")) throw error;
      if (follow.wasTied) attempts = 0;
      if (attempts >= MOST_ATTEMPTS) throw error;
      await delay(RETRY_MS);
      await request.reopen();
    }
  }
}

/** Tells the user who typed the detach keys, and returns docker's exit code for it. */
export function reportDetached(): number {
  printError("read escape sequence\n");
  return EXIT_FAILURE;
}

/** One container in the foreground, over as many supervisors as it takes. */
class Follow implements Disposable {
  /** True once the present supervisor has let us in. */
  wasTied = false;
  readonly #api: EngineApi;
  readonly #request: FollowRequest;
  readonly #path: string;
  /** By which a supervisor knows us again; see the attach route. */
  readonly #key = `${process.pid}.${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
  readonly #foreground: Foreground;
  readonly #signals: SignalProxy | undefined;
  #attempted = false;
  #started: boolean;
  #exit: ContainerWait | undefined;

  constructor(api: EngineApi, request: FollowRequest) {
    this.#api = api;
    this.#request = request;
    this.#path = `/containers/${request.containerId}`;
    this.#started = request.start === undefined;
    this.#foreground = new Foreground(api, { ...request, resizePath: `${this.#path}/resize` });
    this.#signals = request.signalProxy ? new SignalProxy(api, request.containerId) : undefined;
  }

  [Symbol.dispose](): void {
    this.#foreground[Symbol.dispose]();
    this.#signals?.[Symbol.dispose]();
  }

  /** Follows the container with the present supervisor. @throws EngineError `unavailable` when that one goes away. */
  async once(): Promise<number> {
    const again = this.#attempted;
    this.#attempted = true;
    this.wasTied = false;
    if (this.#exit !== undefined) return await this.#untilRemoved(this.#exit);
    if (again && !this.#started) this.#started = await this.#hasStarted();
    const giveUp = new AbortController();
    try {
      const [connection, waiting] = await (again ? this.#tieAgain(giveUp.signal) : this.#tie(giveUp.signal));
      this.wasTied = true;
      const ended = this.#foreground.follow(connection);
      const lines = readLines<ContainerWait>(waiting);
      const exited = nextLine(lines);
      // It is looked at below, or not at all.
      exited.catch(() => undefined);
      if (!this.#started) await this.#request.start?.({ "wharf-client": this.#key });
      this.#started = true;
      this.#foreground.started();
      this.#signals?.started();
      switch (await ended) {
        case "detached":
          return this.#request.detachingFails ? reportDetached() : 0;
        case "closed-output":
          return EXIT_CLOSED_OUTPUT;
        case "ended":
          this.#exit = await exited;
          this.#foreground.release();
          if (this.#request.until === "removed") await nextLine(lines);
          return exitCodeOf(this.#exit);
      }
    } finally {
      giveUp.abort();
    }
  }

  /** Both before the start, so that neither the first byte nor the exit can be missed. */
  async #tie(signal: AbortSignal): Promise<[HijackedStream, IncomingMessage]> {
    return await Promise.all([this.#attach(false), this.#wait(this.#request.until, signal)]);
  }

  /** The wait comes first: once we are attached again nothing keeps the supervisor from telling the exit. */
  async #tieAgain(signal: AbortSignal): Promise<[HijackedStream, IncomingMessage]> {
    const { until } = this.#request;
    const condition = this.#started && until === "next-exit" ? "not-running" : until;
    const waiting = await this.#wait(condition, signal);
    return [await this.#attach(this.#started), waiting];
  }

  #attach(again: boolean): Promise<HijackedStream> {
    const { streams, detachKeys } = this.#request;
    const { stdout, stderr } = this.#foreground.received;
    return this.#api.hijack("POST", `${this.#path}/attach`, {
      query: {
        stream: true,
        stdin: streams.stdin !== undefined,
        stdout: streams.stdout !== undefined,
        stderr: streams.stderr !== undefined,
        detachKeys,
        "wharf-client": this.#key,
        "wharf-has": again ? `${stdout},${stderr}` : undefined,
      },
    });
  }

  #wait(condition: string, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#api.stream("POST", `${this.#path}/wait`, { query: { condition, "wharf-early": true }, signal });
  }

  /** Whether the start came about that a supervisor was killed over. */
  async #hasStarted(): Promise<boolean> {
    const { State: state } = await this.#api.request<ContainerInspect>("GET", `${this.#path}/json`);
    return state.Running || (state.Status !== "created" && state.StartedAt !== this.#request.startedBefore);
  }

  /** The exit is known; the removal was under way when the supervisor went away. */
  async #untilRemoved(exit: ContainerWait): Promise<number> {
    try {
      const waiting = await this.#wait("removed", new AbortController().signal);
      for await (const _ of readLines<ContainerWait>(waiting)) {
        // The last line is the removal.
      }
    } catch (error) {
      if (!isEngineError(error, "not-found")) throw error;
    }
    return exitCodeOf(exit);
  }
}

async function nextLine(lines: AsyncGenerator<ContainerWait, void>): Promise<ContainerWait> {
  const { value } = await lines.next();
  if (value) return value;
  throw new EngineError("unavailable", "the supervisor broke the connection off");
}

function exitCodeOf({ StatusCode, Error: failure }: ContainerWait): number {
  if (failure?.Message) throw new EngineError("internal", failure.Message);
  return StatusCode;
}
