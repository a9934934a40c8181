import { StoredContainer } from "../engine/containers/stored-container.ts";
import { isEngineError } from "../errors.ts";
import type { ProbeResult } from "../model/container-view.ts";
import { formatDuration } from "../model/duration.ts";
import { killProcessTree } from "../store/process-tree.ts";
import type { RunServices } from "./run-services.ts";

const OUTPUT_LIMIT_BYTES = 4096;
/** How long the end of a killed probe is waited for: a process that the kernel holds does not hold its supervisor. */
const KILL_PATIENCE_MS = 10_000;
/** docker's exit code of a probe that did not end by itself, or did not begin. */
const NO_EXIT_CODE = -1;

export interface ProbeRequest {
  readonly containerId: string;
  readonly argv: readonly string[];
  /** Counted from the moment at which the probe runs: a busy host is not the container's fault. */
  readonly timeoutMs: number;
}

/**
 * Runs one probe in a container, as an exec, and returns what came of it; undefined when that says nothing of the
 * container: it is not running any more, containerd is away, or `signal` cut the probe short. When it returns, none of
 * the probe's processes is left, unless the probe ended by itself and left some behind.
 */
export async function runProbe(
  { engine, execs }: Pick<RunServices, "engine" | "execs">,
  { containerId, argv, timeoutMs }: ProbeRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<ProbeResult | undefined> {
  const start = new Date();
  const output = new ProbeOutput();
  const result = (exitCode: number, text: string): ProbeResult => ({
    Start: start.toISOString(),
    End: new Date().toISOString(),
    ExitCode: exitCode,
    Output: text,
  });
  let execId: string | undefined;
  try {
    // What the exec inherits is in the container's spec, which is written anew at each start.
    const container = new StoredContainer(await engine.containerd.containers.get(containerId, { signal }));
    const config = { Cmd: argv, AttachStdout: true, AttachStderr: true };
    execId = await execs.create(container, config, { calledAs: containerId, signal });
    await execs.start(execId, {}, (io) => io.attach(output));
    const ended = execs.ended(execId);
    const inTime = await settlesWithin(ended, timeoutMs, signal);
    if (!inTime) {
      killProcessTree(execs.inspect(execId).Pid);
      await settlesWithin(ended, KILL_PATIENCE_MS, new AbortController().signal);
    }
    if (signal.aborted) return undefined;
    if (inTime) return result(await ended, output.text);
    const limit = `Health check exceeded timeout (${formatDuration(timeoutMs * 1e6)})`;
    return result(NO_EXIT_CODE, output.text === "" ? limit : `${limit}: ${output.text}`);
  } catch (error) {
    if (signal.aborted || isEngineError(error, "unavailable", "not-found", "conflict")) return undefined;
    return result(NO_EXIT_CODE, error instanceof Error ? error.message : String(error));
  } finally {
    if (execId !== undefined) execs.forget(execId);
  }
}

/** False if the time is over, or `signal` is given, before `promise` settles. */
async function settlesWithin(promise: Promise<unknown>, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  return await new Promise((resolve) => {
    const settle = (settled: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
      resolve(settled);
    };
    const giveUp = () => settle(false);
    const timer = setTimeout(giveUp, timeoutMs);
    signal.addEventListener("abort", giveUp);
    if (signal.aborted) giveUp();
    void promise.then(() => settle(true));
  });
}

/** Keeps the first bytes of both outputs, as they come. */
class ProbeOutput {
  #kept = Buffer.alloc(0);
  #truncated = false;

  get text(): string {
    return `${this.#kept.toString()}${this.#truncated ? "..." : ""}`;
  }

  onOutput(_stream: "stdout" | "stderr", chunk: Buffer): undefined {
    const room = OUTPUT_LIMIT_BYTES - this.#kept.length;
    if (chunk.length > room) this.#truncated = true;
    if (room > 0) this.#kept = Buffer.concat([this.#kept, chunk.subarray(0, room)]);
  }

  onEnd(): void {}
}
