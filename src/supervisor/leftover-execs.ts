import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isEngineError } from "../errors.ts";
import { LeftoverFifos } from "../stdio/leftover-fifos.ts";
import { containersRunDir } from "../store/layout.ts";
import type { SupervisorEngine } from "./services.ts";

const ANSWER_DEADLINE_MS = 5_000;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 5_000;

/**
 * The exec processes that an earlier supervisor left in a namespace: those that run, those that have ended, and those
 * whose start was cut short. Nobody sees their output any more; each is let run to its end and then taken away.
 */
export class LeftoverExecs {
  readonly #engine: SupervisorEngine;
  readonly #known = new Set<string>();

  constructor(engine: SupervisorEngine) {
    this.#engine = engine;
  }

  /**
   * Takes up all there are but those that `isOurs`. To be called before anything else is asked of the shims: one that
   * waits for the other end of an exec's FIFO answers no question and tells of no exit. Once this returns none waits.
   */
  takeUp(isOurs: (execId: string) => boolean): void {
    const { settings, containerd } = this.#engine;
    const root = containersRunDir(settings, containerd.namespace);
    for (const containerId of namesIn(root)) {
      for (const execId of namesIn(join(root, containerId, "exec"))) {
        if (isOurs(execId) || this.#known.has(execId)) continue;
        this.#known.add(execId);
        void this.#letEnd(containerId, execId, new LeftoverFifos(join(root, containerId, "exec", execId)));
      }
    }
  }

  async #letEnd(containerId: string, execId: string, fifos: LeftoverFifos): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!(await this.#hasGone(containerId, execId, fifos))) {
      await delay(retryMs, undefined, { ref: false });
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
    fifos.remove();
    this.#known.delete(execId);
  }

  /** Does the next step towards the process's end; true when there is no such process any more. */
  async #hasGone(containerId: string, execId: string, fifos: LeftoverFifos): Promise<boolean> {
    const { tasks } = this.#engine.containerd;
    const options = { timeoutMs: ANSWER_DEADLINE_MS };
    try {
      const { status } = await tasks.get(containerId, execId, options);
      if (status === "running") {
        await tasks.closeIo(containerId, { execId }, options).catch(() => undefined);
        fifos.endInput();
        await tasks.wait(containerId, execId);
      }
      // One that was made and never started is deleted as well as one that has ended.
      await tasks.deleteProcess(containerId, execId, options);
      return true;
    } catch (error) {
      return isEngineError(error, "not-found");
    }
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
