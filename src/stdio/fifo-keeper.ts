import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, rmSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { toolEnvironment } from "../program-environment.ts";
import { type Libc, MOST_DESCRIPTORS } from "./libc.ts";

/** Without a libc: a burst of starts makes one keeper, not one each. */
const SETTLE_MS = 250;
/** For a `tail` that polls, as busybox's does. */
const POLL_SECONDS = "86400";
/** So many messages of descriptors may be on the way to the keeper before those that nobody needs are taken out. */
const MOST_MESSAGES = 100;

export interface FifoKeeperOptions {
  /** Names the keeper: the file holds its pid, and is an argument of its command line. */
  readonly pidFile: string;
  readonly libc: Libc | undefined;
  /** All that is to be kept. */
  readonly descriptors: () => number[];
  readonly onDefect: (error: unknown) => void;
}

/**
 * Keeps what is unread in FIFOs alive while no supervisor runs. The shim closes its ends when a container exits, and
 * with the last end a FIFO's content is gone: a container that said its last words after a supervisor was killed would
 * have said them to nobody. So one small process, which outlives the supervisor, holds a reading end of every output.
 *
 * It is a `tail -f` that holds both ends of a unix socket. The reading ends are messages on that socket, which nobody
 * receives: the kernel keeps them open as long as it keeps the socket, and sending one costs a new container next to
 * nothing. Without a libc the keeper inherits them, and is replaced a moment after their set has changed; a kill in that
 * moment may cost last words.
 *
 * A keeper of an earlier supervisor stays until `adoptedAll`: what it holds may not have been taken up before.
 */
export class FifoKeeper {
  readonly #options: FifoKeeperOptions;
  #keeper: ChildProcess | undefined;
  #socket: KeptDescriptors | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FifoKeeperOptions) {
    this.#options = options;
  }

  /** What the command line of every keeper of this run root names. */
  get pidFile(): string {
    return this.#options.pidFile;
  }

  /** The present keeper; undefined without one. */
  get pid(): number | undefined {
    return this.#keeper?.pid;
  }

  /** Does now what is put off. */
  settle(): void {
    if (this.#timer !== undefined) this.#replace();
  }

  /** Keeps some more; they have to be among what `descriptors` tells. */
  add(descriptors: readonly number[]): void {
    const { libc } = this.#options;
    if (libc === undefined) {
      this.#replaceLater();
      return;
    }
    try {
      this.#socket ??= new KeptDescriptors(libc);
      if (this.#keeper === undefined) this.#begin(this.#socket.ends);
      this.#socket.send(descriptors, this.#options.descriptors);
    } catch (error) {
      this.#options.onDefect(error);
    }
  }

  /** Something of what `descriptors` told before is not to be kept any more. */
  removed(): void {
    if (this.#options.libc === undefined) this.#replaceLater();
  }

  /** All that earlier supervisors left has been taken up: their keepers may end. */
  async adoptedAll(): Promise<void> {
    const { pidFile } = this.#options;
    this.settle();
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    for (const pid of pids) {
      if (Number(pid) === this.#keeper?.pid) continue;
      const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (words.startsWith("tail\0") && words.split("\0").includes(pidFile)) kill(Number(pid));
    }
    if (this.#keeper === undefined) rmSync(pidFile, { force: true });
  }

  /** The supervisor ends. The keeper stays behind if there is something to keep. */
  release(): void {
    if (this.#options.libc === undefined) this.#replace();
    else if (this.#options.descriptors().length === 0) this.#end();
    this.#socket?.close();
  }

  #replaceLater(): void {
    this.#timer ??= setTimeout(() => this.#replace(), SETTLE_MS).unref();
  }

  #replace(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const previous = this.#keeper?.pid;
    const descriptors = this.#options.descriptors();
    if (descriptors.length === 0) {
      this.#end();
      return;
    }
    try {
      this.#begin(descriptors);
    } catch (error) {
      // The one before stays.
      this.#options.onDefect(error);
      return;
    }
    if (previous !== undefined) kill(previous);
  }

  #begin(descriptors: readonly number[]): void {
    const { pidFile } = this.#options;
    writeFileSync(pidFile, "\n");
    const keeper = spawn("tail", ["-n", "0", "-s", POLL_SECONDS, "-f", pidFile], {
      stdio: ["ignore", "ignore", "ignore", ...descriptors],
      detached: true,
      cwd: "/",
      env: toolEnvironment(),
    });
    // Without `tail` there is no keeper, and everything else works. One that somebody ended is replaced by the next.
    for (const event of ["error", "exit"]) {
      keeper.on(event, () => {
        if (this.#keeper === keeper) this.#keeper = undefined;
      });
    }
    keeper.unref();
    try {
      writeFileSync(pidFile, `${keeper.pid ?? ""}\n`);
    } catch (error) {
      // On a full run root: a keeper that no other supervisor could find is not to stay.
      keeper.kill("SIGKILL");
      throw error;
    }
    this.#keeper = keeper;
  }

  #end(): void {
    const pid = this.#keeper?.pid;
    if (pid === undefined) return;
    this.#keeper = undefined;
    rmSync(this.#options.pidFile, { force: true });
    kill(pid);
  }
}

/** Open files that are on their way from one end of a socket to the other, and stay there. */
class KeptDescriptors {
  readonly ends: readonly [receiver: number, sender: number];
  readonly #libc: Libc;
  #messages = 0;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.ends = libc.socketPair();
  }

  /** Sends some; once in a while all that are needed, to take out the others. */
  send(descriptors: readonly number[], needed: () => readonly number[]): void {
    if (this.#messages < MOST_MESSAGES) this.#send(descriptors);
    else this.#renew(needed());
  }

  close(): void {
    for (const end of this.ends) closeSync(end);
  }

  #send(descriptors: readonly number[]): void {
    for (let first = 0; first < descriptors.length; first += MOST_DESCRIPTORS) {
      this.#libc.sendDescriptors(this.ends[1], descriptors.slice(first, first + MOST_DESCRIPTORS));
      this.#messages += 1;
    }
  }

  /** The new ones go in before the old ones come out: at no moment is one of them not held. */
  #renew(needed: readonly number[]): void {
    const old = this.#messages;
    this.#send(needed);
    for (let count = 0; count < old; count++) {
      for (const fd of this.#libc.receiveDescriptors(this.ends[0]) ?? []) closeSync(fd);
      this.#messages -= 1;
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}
