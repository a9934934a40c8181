import { EngineError } from "../errors.ts";
import type { Ulimit } from "./container-config.ts";

export const UNLIMITED = -1;

/** Resources that `--ulimit` knows; `setrlimit(2)` calls them RLIMIT_NOFILE and so on. */
const NAMES = new Set([
  "as",
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
]);

/**
 * Reads `name=soft[:hard]`; -1 is unlimited.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseUlimit(text: string): Ulimit {
  const equals = text.indexOf("=");
  if (equals === -1) throw invalid(`invalid ulimit argument: ${text}`);
  const name = text.slice(0, equals);
  if (!NAMES.has(name)) throw invalid(`invalid ulimit type: ${name}`);
  const limits = text.slice(equals + 1).split(":");
  if (limits.length > 2) {
    const shown = text.slice(equals + 1);
    throw invalid(`too many limit value arguments - ${shown}, can only have up to two, \`soft[:hard]\``);
  }
  const hard = parseLimit(limits[1] ?? limits[0] ?? "");
  const soft = parseLimit(limits[0] ?? "");
  if (hard !== UNLIMITED && (soft === UNLIMITED || soft > hard)) {
    const shown = soft === UNLIMITED ? `soft: -1 (unlimited), hard: ${hard}` : `${soft} > ${hard}`;
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${shown}`);
  }
  return { Name: name, Soft: soft, Hard: hard };
}

function parseLimit(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
