import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { toolEnvironment } from "../program-environment.ts";

/** A burst of starts makes one keeper, not one each; a short-lived container makes none. */
const SETTLE_MS = 250;
/** For a `tail` that polls, as busybox's does. */
const POLL_SECONDS = "86400";

/**
 * Keeps what is unread in FIFOs alive while no supervisor runs. The shim closes its ends when a container exits, and
 * with the last end a FIFO's content is gone: a container that said its last words after a supervisor was killed would
 * have said them to nobody. So one small process holds a reading end of every output open. It is a `tail -f` of its own
 * pid file, which tells whose it is; it outlives the supervisor, and is replaced when the set of FIFOs has changed.
 */
export class FifoKeeper {
  readonly pidFile: string;
  readonly #descriptors: () => number[];
  #keeper: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `descriptors` tells what is to be kept; the keeper's pid is written to `pidFile`, for the next supervisor. */
  constructor(options: { readonly pidFile: string; readonly descriptors: () => number[] }) {
    this.pidFile = options.pidFile;
    this.#descriptors = options.descriptors;
  }

  /** The present keeper, be it one that an earlier supervisor started; undefined without one. */
  get pid(): number | undefined {
    return this.#keeper?.pid ?? readKeeperPid(this.pidFile);
  }

  /** The set of FIFOs has changed; a new keeper takes over in a moment. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.replace();
    }, SETTLE_MS).unref();
  }

  /** Does now what `changed` has put off. */
  settle(): void {
    if (this.#timer !== undefined) this.replace();
  }

  /** Starts a keeper of the present FIFOs and ends the one before it, be it another supervisor's. */
  replace(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const previous = this.#keeper?.pid ?? readKeeperPid(this.pidFile);
    const descriptors = this.#descriptors();
    if (descriptors.length === 0) {
      this.#keeper = undefined;
      rmSync(this.pidFile, { force: true });
      if (previous !== undefined) kill(previous);
      return;
    }
    const before = this.#keeper;
    try {
      this.#keeper = this.#start(descriptors);
    } catch {
      // On a full run root: a keeper that no other supervisor could find is not to stay, and the one before it is.
      this.#keeper = before;
      return;
    }
    if (previous !== undefined) kill(previous);
  }

  /** Starts a keeper and writes down which it is. Without `tail` there is none, and everything else works. */
  #start(descriptors: readonly number[]): ChildProcess {
    writeFileSync(this.pidFile, "");
    const keeper = spawn("tail", ["-n", "0", "-s", POLL_SECONDS, "-f", this.pidFile], {
      stdio: ["ignore", "ignore", "ignore", ...descriptors],
      detached: true,
      cwd: "/",
      env: toolEnvironment(),
    });
    keeper.on("error", () => undefined);
    keeper.unref();
    try {
      writeFileSync(this.pidFile, `${keeper.pid ?? ""}\n`);
    } catch (error) {
      keeper.kill("SIGKILL");
      throw error;
    }
    return keeper;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}

/** The keeper that an earlier supervisor left, unless its pid belongs to somebody else by now. */
function readKeeperPid(pidFile: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, "utf8"), 10);
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(pidFile) ? pid : undefined;
  } catch {
    return undefined;
  }
}
