import type { HealthConfig } from "./container-config.ts";
import type { ContainerState } from "./container-record.ts";
import type { ContainerStatus, HealthStatus, HealthView, ProbeResult } from "./container-view.ts";

/**
 * The container's extension that holds what its health checks found. One of its own, for it is written after every
 * probe, beside whatever else happens to the container.
 */
export const HEALTH_EXTENSION = "wharf.health";

/** What the probes of one run have found so far. */
export interface HealthRecord {
  /** The `startedAt` of the run that was probed: in any other run the container starts anew. */
  readonly startedAt: string;
  readonly status: HealthStatus;
  readonly failingStreak: number;
  /** The last results, oldest first; those of earlier runs are among them. */
  readonly log: readonly ProbeResult[];
}

/** When a container is probed, and what follows from failures: a health check with docker's defaults filled in. */
export interface HealthTiming {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
}

const KEPT_RESULTS = 5;
const NANOSECONDS_PER_MS = 1e6;
const DEFAULT_SECONDS = { interval: 30, timeout: 30, startPeriod: 0, startInterval: 5 };
const DEFAULT_RETRIES = 3;
/** docker's, as long as neither image nor container names another shell. */
const SHELL = ["/bin/sh", "-c"];

/** The words of the probe; undefined for a container whose health nobody looks after. */
export function probeCommand(health: HealthConfig | undefined): readonly string[] | undefined {
  const [kind, ...words] = health?.Test ?? [];
  if (kind === "CMD" && words.length > 0) return words;
  if (kind === "CMD-SHELL" && words.length > 0) return [...SHELL, ...words];
  return undefined;
}

export function healthTiming(health: HealthConfig): HealthTiming {
  const milliseconds = (nanoseconds: number | undefined, defaultSeconds: number) =>
    nanoseconds ? nanoseconds / NANOSECONDS_PER_MS : defaultSeconds * 1000;
  return {
    intervalMs: milliseconds(health.Interval, DEFAULT_SECONDS.interval),
    timeoutMs: milliseconds(health.Timeout, DEFAULT_SECONDS.timeout),
    startPeriodMs: milliseconds(health.StartPeriod, DEFAULT_SECONDS.startPeriod),
    startIntervalMs: milliseconds(health.StartInterval, DEFAULT_SECONDS.startInterval),
    retries: health.Retries || DEFAULT_RETRIES,
  };
}

/** The health of a run that begins at `startedAt`; the log of the run before stays, as in docker. */
export function startingHealth(startedAt: string, previous: HealthRecord | undefined): HealthRecord {
  return { startedAt, status: "starting", failingStreak: 0, log: previous?.log ?? [] };
}

export interface ProbeContext {
  readonly timing: HealthTiming;
  /** How old the run was when the probe began. */
  readonly ageMs: number;
}

/** How long to wait before the next probe: within the start period, until the first success, the start interval. */
export function probeDelayMs({ status }: HealthRecord, timing: HealthTiming, ageMs: number): number {
  return ageMs < timing.startPeriodMs && status === "starting" ? timing.startIntervalMs : timing.intervalMs;
}

/**
 * docker's state machine. One success makes a container healthy, `retries` failures in a row make it unhealthy; failures
 * of a container that was never healthy do not count while its start period lasts.
 */
export function afterProbe(health: HealthRecord, result: ProbeResult, { timing, ageMs }: ProbeContext): HealthRecord {
  const log = [...health.log, result].slice(-KEPT_RESULTS);
  if (result.ExitCode === 0) return { ...health, status: "healthy", failingStreak: 0, log };
  if (health.status === "starting" && ageMs < timing.startPeriodMs) return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  return { ...health, status: failingStreak >= timing.retries ? "unhealthy" : health.status, failingStreak, log };
}

/**
 * `State.Health`; undefined for a container that is not probed or was never started. As docker has it, one that nobody
 * probes at present, because it is paused or has ended, is unhealthy.
 */
export function viewHealth(
  { check, state, status }: { check: HealthConfig | undefined; state: ContainerState; status: ContainerStatus },
  record: HealthRecord | undefined,
): HealthView | undefined {
  if (state.startedAt === "" || probeCommand(check) === undefined) return undefined;
  const health = record?.startedAt === state.startedAt ? record : startingHealth(state.startedAt, record);
  return {
    Status: status === "running" ? health.status : "unhealthy",
    FailingStreak: health.failingStreak,
    Log: health.log,
  };
}
