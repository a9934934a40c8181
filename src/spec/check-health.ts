import { EngineError } from "../errors.ts";
import type { HealthConfig } from "../model/container-config.ts";

const MILLISECOND_NS = 1e6;

/**
 * Refuses a health check that docker would.
 *
 * @throws EngineError `invalid-argument`.
 */
export function checkHealth(health: HealthConfig | undefined): void {
  const intervals: readonly [name: string, nanoseconds: number | undefined][] = [
    ["Interval", health?.Interval],
    ["Timeout", health?.Timeout],
    ["StartPeriod", health?.StartPeriod],
    ["StartInterval", health?.StartInterval],
  ];
  const short = intervals.find(([, nanoseconds = 0]) => nanoseconds !== 0 && nanoseconds < MILLISECOND_NS);
  if (short !== undefined) throw invalid(`${short[0]} in Healthcheck cannot be less than 1ms`);
  if ((health?.Retries ?? 0) < 0) throw invalid("Retries in Healthcheck cannot be negative");
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
