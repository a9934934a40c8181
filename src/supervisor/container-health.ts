import type { StoredContainer } from "../engine/containers/stored-container.ts";
import { isEngineError } from "../errors.ts";
import type { ContainerState } from "../model/container-record.ts";
import {
  afterProbe,
  HEALTH_EXTENSION,
  type HealthRecord,
  type HealthTiming,
  healthTiming,
  probeCommand,
  probeDelayMs,
  startingHealth,
} from "../model/health.ts";
import { runProbe } from "./health-probe.ts";
import type { RunAge } from "./run-age.ts";
import type { RunServices } from "./run-services.ts";

/** The container whose health is looked after. */
export interface HealthSubject {
  readonly id: string;
  readonly container: StoredContainer;
  readonly state: ContainerState;
  /** Of the run that is probed. */
  readonly age: RunAge | undefined;
}

/**
 * Looks after the health of one container while it runs: probes it at intervals and writes down what it found, in an
 * extension of the container, where `ps` and `inspect` find it without a supervisor. A supervisor that takes over goes on
 * with the same streak and log; the probe that was under way is lost.
 */
export class ContainerHealth {
  readonly #services: RunServices;
  readonly #subject: HealthSubject;
  #health: HealthRecord | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Of the present watch; aborted when it ends. */
  #watch: AbortController | undefined;
  #probe: Promise<void> = Promise.resolve();
  #writing: Promise<void> | undefined;
  #unwritten = false;

  constructor(services: RunServices, subject: HealthSubject) {
    this.#services = services;
    this.#subject = subject;
  }

  /** The container runs, from now on or since an earlier supervisor started it. */
  begin(): void {
    const { container, state } = this.#subject;
    const { Healthcheck: check } = container.record.config;
    const argv = probeCommand(check);
    if (check === undefined || argv === undefined || !container.isOwn || this.#watch !== undefined) return;
    const known = this.#health ?? (container.info.extension(HEALTH_EXTENSION) as HealthRecord | undefined);
    this.#health = known?.startedAt === state.startedAt ? known : startingHealth(state.startedAt, known);
    const watch = new AbortController();
    this.#watch = watch;
    this.#schedule(argv, healthTiming(check), watch.signal);
  }

  /** The container is paused, after `end`. As in docker, one that is not probed is not healthy until it is again. */
  async notePaused(): Promise<void> {
    if (this.#health === undefined) return;
    this.#health = { ...this.#health, status: "unhealthy" };
    await this.#write();
  }

  /** Probes no more: the container has ended, is to be paused, or is left to the next supervisor. Settles when the last probe is gone. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#watch?.abort();
    this.#watch = undefined;
    await this.#probe;
  }

  /** The run's, as far as it is known. */
  get #ageMs(): number {
    const { age, state } = this.#subject;
    return age?.ms ?? Date.now() - Date.parse(state.startedAt);
  }

  #schedule(argv: readonly string[], timing: HealthTiming, signal: AbortSignal): void {
    if (this.#health === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#probe = this.#probeOnce(argv, timing, signal)
          .catch(this.#services.onDefect)
          .then(() => {
            if (!signal.aborted) this.#schedule(argv, timing, signal);
          });
      },
      probeDelayMs(this.#health, timing, this.#ageMs),
    );
  }

  async #probeOnce(argv: readonly string[], timing: HealthTiming, signal: AbortSignal): Promise<void> {
    const request = { containerId: this.#subject.id, argv, timeoutMs: timing.timeoutMs };
    const ageMs = this.#ageMs;
    const result = await runProbe(this.#services, request, { signal });
    const before = this.#health;
    if (result === undefined || before === undefined || signal.aborted) return;
    this.#health = afterProbe(before, result, { timing, ageMs });
    const { status } = this.#health;
    // Whoever is told of the change finds it written down.
    await this.#write();
    if (status !== before.status) this.#services.events.tell(this.#subject.container, `health_status: ${status}`);
  }

  /** One write at a time, always of the latest. */
  async #write(): Promise<void> {
    this.#unwritten = true;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    const { containers } = this.#services.engine.containerd;
    while (this.#unwritten) {
      this.#unwritten = false;
      const extensions = { [HEALTH_EXTENSION]: this.#health };
      try {
        await containers.update({ id: this.#subject.id, extensions }, [`extensions.${HEALTH_EXTENSION}`]);
      } catch (error) {
        // A container that is gone has no health; while containerd is away, the next probe's write brings all.
        if (!isEngineError(error, "not-found", "unavailable")) throw error;
      }
    }
  }
}
