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

/** Whether the policy wants the container to run again after this exit, which nobody asked for. */
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
 * Whether a container without a process is started when a supervisor comes up. Within one boot only an interrupted
 * run is taken up. After a reboot `always` also starts what a person had stopped, as docker's does when its daemon
 * starts; `unless-stopped` leaves that alone.
 */
export function wantsStartAtRecovery(
  policy: RestartPolicy,
  exit: PolicyExit & { readonly interrupted: boolean; readonly rebooted: boolean },
): boolean {
  if (exit.interrupted) return wantsRestart(policy, exit);
  return exit.rebooted && exit.stoppedByUser && policy.Name === "always";
}

/** The growing pause between restarts: 100 ms, doubled each time up to a minute, reset by a steady run. */
export class RestartBackoff {
  #delayMs = 0;

  next(ranMs: number): number {
    if (ranMs >= STEADY_RUN_MS) this.#delayMs = 0;
    this.#delayMs = this.#delayMs === 0 ? FIRST_DELAY_MS : Math.min(this.#delayMs * 2, LONGEST_DELAY_MS);
    return this.#delayMs;
  }
}
