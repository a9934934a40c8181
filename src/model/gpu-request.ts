import { EngineError } from "../errors.ts";
import { splitCsv } from "./csv.ts";
import { splitKeyValue } from "./key-values.ts";

/** An entry of `HostConfig.DeviceRequests`, in the API's words. A type alias, as those entries are open records. */
export type DeviceRequest = {
  readonly Driver: string;
  /** -1: all. */
  readonly Count: number;
  readonly DeviceIDs: readonly string[] | null;
  readonly Capabilities: readonly (readonly string[])[];
  readonly Options: Readonly<Record<string, string>>;
};

/**
 * Reads a `--gpus`: `all`, a number, or fields such as `device=0,capabilities=compute`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseGpus(text: string): DeviceRequest {
  if (text === "") throw invalid("EOF");
  const seen = new Set<string>();
  let driver = "";
  let count: number | undefined;
  let deviceIds: string[] | null = null;
  let capabilities = ["gpu"];
  let options: Record<string, string> = {};
  for (const field of splitCsv(text)) {
    const { key, value } = splitKeyValue(field);
    const name = value === undefined ? "count" : key;
    if (seen.has(name)) throw invalid(`gpu request key '${name}' can be specified only once`);
    seen.add(name);
    switch (name) {
      case "driver":
        driver = value ?? "";
        break;
      case "count":
        count = parseCount(value ?? key);
        break;
      case "device":
        deviceIds = (value ?? "").split(",");
        break;
      case "capabilities":
        capabilities = [...(value ?? "").split(","), "gpu"];
        break;
      case "options":
        options = Object.fromEntries((value ?? "").split(",").map((option) => option.split("=", 2)));
        break;
      default:
        throw invalid(`unexpected key '${key}' in '${field}'`);
    }
  }
  const defaultCount = deviceIds === null ? 1 : 0;
  return {
    Driver: driver,
    Count: count ?? defaultCount,
    DeviceIDs: deviceIds,
    Capabilities: [capabilities],
    Options: options,
  };
}

function parseCount(text: string): number {
  if (text === "all") return -1;
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw invalid(`invalid count (${text}): value must be either "all" or an integer: invalid syntax`);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
