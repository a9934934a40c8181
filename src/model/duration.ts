import { EngineError } from "../errors.ts";

const UNITS: ReadonlyMap<string, number> = new Map([
  ["ns", 1],
  ["us", 1e3],
  ["µs", 1e3],
  ["μs", 1e3],
  ["ms", 1e6],
  ["s", 1e9],
  ["m", 60e9],
  ["h", 3600e9],
]);
/** The longest that 64 bits hold, 292 years. */
const LONGEST = 2 ** 63;

/**
 * Reads a duration as Go does and docker's flags therefore do, in nanoseconds: `1m30s`, `500ms`, `-1.5h`.
 *
 * @throws EngineError `invalid-argument`, in Go's words.
 */
export function parseDuration(text: string): number {
  const match = /^([+-]?)(.*)$/s.exec(text);
  const magnitude = match?.[2] ?? "";
  const sign = match?.[1] === "-" ? -1 : 1;
  if (magnitude === "0") return 0;
  let rest = magnitude;
  let total = 0;
  while (rest !== "") {
    const part = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest);
    if (part === null) throw invalidDuration(text);
    const [whole, number = "", unit = ""] = part;
    if (unit === "")
      throw new EngineError("invalid-argument", `time: missing unit in duration ${JSON.stringify(text)}`);
    const nanoseconds = UNITS.get(unit);
    if (nanoseconds === undefined) {
      const shown = `${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`;
      throw new EngineError("invalid-argument", `time: unknown unit ${shown}`);
    }
    total += Number(number) * nanoseconds;
    if (total >= LONGEST) throw invalidDuration(text);
    rest = rest.slice(whole.length);
  }
  if (magnitude === "") throw invalidDuration(text);
  return sign * Math.trunc(total);
}

/** Writes nanoseconds as Go does: `1m30s`, `1.5s`, `500ms`. */
export function formatDuration(nanoseconds: number): string {
  const sign = nanoseconds < 0 ? "-" : "";
  const magnitude = Math.abs(nanoseconds);
  if (magnitude === 0) return "0s";
  const small = (["ms", "µs", "ns"] as const).find((unit) => magnitude >= (UNITS.get(unit) ?? 1));
  if (magnitude < 1e9 && small !== undefined) return `${sign}${magnitude / (UNITS.get(small) ?? 1)}${small}`;
  const minutes = Math.floor(magnitude / 60e9);
  const seconds = `${Number(((magnitude - minutes * 60e9) / 1e9).toFixed(9))}s`;
  if (minutes === 0) return sign + seconds;
  const hours = Math.floor(minutes / 60);
  return `${sign}${hours > 0 ? `${hours}h` : ""}${minutes % 60}m${seconds}`;
}

function invalidDuration(text: string): EngineError {
  return new EngineError("invalid-argument", `time: invalid duration ${JSON.stringify(text)}`);
}
