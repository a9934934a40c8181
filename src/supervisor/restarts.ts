import type { RestartPolicy } from "../model/container-config.ts";

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 60_000;
/** A run of at least this long counts as a success: the next delay starts from the first again. */
const STEADY_RUN_MS = 10_000;

/** How a container's process ended, as far as its restart policy cares. */
export interface PolicyExit {
  readonly exitCode: number;
  readonly ranMs: number;
  /** A person sent it a signal since it was started. */
  readonly stoppedByUser: boolean;
  /** How often the policy has restarted the container since a person started it. */
  readonly restartCount: number;
}

/**
 * Whether the policy wants the container to run again after this exit, which nobody asked for. What a person stopped or
 * killed is not asked about: it stays as it is, under every policy, whatever is restarted: supervisor, containerd or
 * host. (docker's `always` starts it all the same when its daemon starts.)
 */
export function wantsRestart(policy: RestartPolicy, exit: PolicyExit): boolean {
  switch (policy.Name) {
    case "always":
      return true;
    case "unless-stopped":
      return !exit.stoppedByUser;
    case "on-failure":
      return exit.exitCode !== 0 && (policy.MaximumRetryCount === 0 || exit.restartCount < policy.MaximumRetryCount);
    default:
      return false;
  }
}

/**
 * The growing pause between restarts: 100 ms, doubled each time up to a minute, from the first again after a steady
 * run. `previousMs` is the pause before the run that lasted `ranMs`; undefined when a person had started it.
 */
export function nextRestartDelayMs(previousMs: number | undefined, ranMs: number): number {
  if (!previousMs || ranMs >= STEADY_RUN_MS) return FIRST_DELAY_MS;
  return Math.min(previousMs * 2, LONGEST_DELAY_MS);
}
