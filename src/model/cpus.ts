import { EngineError } from "../errors.ts";

/** docker counts CPUs in billionths. */
export const NANO_CPUS = 1e9;

/**
 * Reads a number of CPUs, in billionths: `1.5`, `1/2`, `5e-1`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseCpus(text: string): number {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:\/(\d+))?$/.exec(text);
  const divisor = Number(match?.[2] ?? 1);
  if (match === null || divisor === 0 || !Number.isSafeInteger(Math.round(Number(match[1]) * NANO_CPUS))) {
    throw new EngineError("invalid-argument", `failed to parse ${text} as a rational number`);
  }
  const nanoCpus = (Number(match[1]) * NANO_CPUS) / divisor;
  const rounded = Math.round(nanoCpus);
  // Within a double's own error the value is an integer; beyond it somebody wrote more than nine digits.
  if (Math.abs(nanoCpus - rounded) > Math.abs(nanoCpus) * 1e-12) {
    throw new EngineError("invalid-argument", "value is too precise");
  }
  return rounded;
}
