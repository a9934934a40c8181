import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a client's key looks like: its process id, and what tells it from all others. It becomes a part of a file's name. */
export const CLIENT_KEY = /^[1-9]\d*\.[0-9a-z]+$/;
/** `e` for a viewer that the process waits for, `o` for others; then the client's key. */
const MARK = /^viewer\.([eo])\.((\d+)\.[0-9a-z]+)$/;
/** A client starts the next supervisor itself if it must; on a busy host that takes a while. */
const ESSENTIAL_PATIENCE_MS = 60_000;
const PATIENCE_MS = 10_000;
const POLL_MS = 100;

interface AbsentViewer {
  readonly key: string;
  readonly pid: number;
  readonly essential: boolean;
}

/**
 * Remembers, in a process's run directory, which clients look on and would come back to the next supervisor; and after
 * this one has started in the place of a killed one, which of them have not come back yet. Until they have, or have
 * ended, or took too long, the process's output is kept for them.
 */
export class AbsentViewers {
  readonly #directory: string;
  readonly #awaited = new Map<string, AbsentViewer>();
  /** Settles when nobody is awaited any more. */
  readonly allBack: Promise<void>;
  #resolve: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  /** With `awaited`, waits for those whom an earlier supervisor has left in `directory`; else they are forgotten. */
  constructor(directory: string, { awaited }: { readonly awaited: boolean }) {
    this.#directory = directory;
    this.allBack = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const viewer of readMarks(directory)) {
      if (awaited) this.#awaited.set(viewer.key, viewer);
      else this.leave(viewer.key, viewer);
    }
    const begunAt = performance.now();
    if (this.#awaited.size > 0) this.#timer = setInterval(() => this.#giveUp(performance.now() - begunAt), POLL_MS);
    this.#check();
  }

  /** True while somebody is awaited. */
  get areAwaited(): boolean {
    return this.#awaited.size > 0;
  }

  /** True for a client that was awaited, and essential. */
  isEssential(key: string): boolean {
    return this.#awaited.get(key)?.essential ?? false;
  }

  /** A client looks on, for the first time or again. */
  arrive(key: string, { essential }: { readonly essential: boolean }): void {
    writeFileSync(this.#path(key, essential), "");
    this.#awaited.delete(key);
    this.#check();
  }

  /** A client has left of its own accord. */
  leave(key: string, { essential }: { readonly essential: boolean }): void {
    rmSync(this.#path(key, essential), { force: true });
  }

  /** A client will not come back: if it was awaited, it is not any more. */
  forgo(key: string): void {
    const viewer = this.#awaited.get(key);
    if (viewer === undefined) return;
    this.#awaited.delete(key);
    this.leave(key, viewer);
    this.#check();
  }

  /** Waits for nobody any more. */
  stop(): void {
    this.#awaited.clear();
    this.#check();
  }

  #path(key: string, essential: boolean): string {
    return join(this.#directory, `viewer.${essential ? "e" : "o"}.${key}`);
  }

  #giveUp(waitedMs: number): void {
    for (const viewer of this.#awaited.values()) {
      const patienceMs = viewer.essential ? ESSENTIAL_PATIENCE_MS : PATIENCE_MS;
      if (waitedMs < patienceMs && isAlive(viewer.pid)) continue;
      this.#awaited.delete(viewer.key);
      this.leave(viewer.key, viewer);
    }
    this.#check();
  }

  #check(): void {
    if (this.#awaited.size > 0) return;
    clearInterval(this.#timer);
    this.#resolve();
  }
}

function readMarks(directory: string): AbsentViewer[] {
  return readdirSync(directory).flatMap((name) => {
    const [, kind, key, pid] = MARK.exec(name) ?? [];
    return key === undefined ? [] : [{ key, pid: Number(pid), essential: kind === "e" }];
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
