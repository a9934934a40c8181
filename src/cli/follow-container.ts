import { type EngineApi, readJson } from "../api/client.ts";
import { EngineError } from "../errors.ts";
import type { ContainerWait } from "../model/container-view.ts";
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
  /** Starts the container, once everything is tied to it; absent when it runs already. */
  readonly start?: (() => Promise<unknown>) | undefined;
}

/** The exit code that a shell gives to a process whose reader has left: 128 + SIGPIPE. */
const EXIT_CLOSED_OUTPUT = 141;

/**
 * Ties this process to a container until its end, and returns its exit code, or that of detaching. The command has
 * to release its interrupts before, as signals are the container's now.
 *
 * @throws EngineError what `start` throws; what the wait ended with, such as a supervisor that went away.
 */
export async function followContainer(api: EngineApi, request: FollowRequest): Promise<number> {
  const path = `/containers/${request.containerId}`;
  const { stdin, stdout, stderr } = request.streams;
  const giveUp = new AbortController();
  const attached = api.hijack("POST", `${path}/attach`, {
    query: {
      stream: true,
      stdin: stdin !== undefined,
      stdout: stdout !== undefined,
      stderr: stderr !== undefined,
      detachKeys: request.detachKeys,
    },
  });
  // Both before the start, so that neither the first byte nor the exit can be missed.
  const waited = api.stream("POST", `${path}/wait`, { query: { condition: request.until }, signal: giveUp.signal });
  const [connection, waiting] = await Promise.all([attached, waited]).catch((error: unknown) => {
    // The wait would go on by itself and keep this process alive.
    giveUp.abort();
    throw error;
  });
  const options = { ...request, resizePath: `${path}/resize` };
  using foreground = new Foreground(api, connection, options);
  using signals = request.signalProxy ? new SignalProxy(api, request.containerId) : undefined;
  try {
    await request.start?.();
    foreground.started();
    signals?.started();
    const exit = readJson<ContainerWait>(waiting);
    // It is looked at below, or not at all.
    exit.catch(() => undefined);
    switch (await foreground.finished) {
      case "detached":
        return request.detachingFails ? reportDetached() : 0;
      case "closed-output":
        return EXIT_CLOSED_OUTPUT;
      case "ended":
        return exitCodeOf(await exit);
    }
  } finally {
    giveUp.abort();
  }
}

/** Tells the user who typed the detach keys, and returns docker's exit code for it. */
export function reportDetached(): number {
  printError("read escape sequence\n");
  return EXIT_FAILURE;
}

function exitCodeOf({ StatusCode, Error: failure }: ContainerWait): number {
  if (failure?.Message) throw new EngineError("internal", failure.Message);
  return StatusCode;
}
