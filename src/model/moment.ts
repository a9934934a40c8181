import { EngineError } from "../errors.ts";
import { parseDuration } from "./duration.ts";

/**
 * Reads docker's `--since` and `--until`: how long ago (`10m`, `1h30m`), a date and time (RFC 3339; without a zone it is
 * local time, and parts may be left out from the right), or seconds since 1970 with up to nine decimals. The result is
 * RFC 3339 in UTC with nine digits, so that moments compare as texts.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseMoment(text: string, now: Date): string {
  const moment = unixMoment(text) ?? durationMoment(text, now) ?? dateMoment(text);
  if (moment === undefined) {
    throw new EngineError("invalid-argument", `failed to parse value as time or duration: ${JSON.stringify(text)}`);
  }
  return moment;
}

function unixMoment(text: string): string | undefined {
  const [, seconds, fraction = ""] = /^(-?\d+)(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  return seconds === undefined ? undefined : format(new Date(Number(seconds) * 1000), fraction);
}

function durationMoment(text: string, now: Date): string | undefined {
  try {
    const before = new Date(now.getTime() - parseDuration(text) / 1e6);
    return format(before, String(before.getMilliseconds()).padStart(3, "0"));
  } catch {
    return undefined;
  }
}

function dateMoment(text: string): string | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (!parts) return undefined;
  const [, day, hour = "00", minute = "00", second = "00", fraction = "", zone = ""] = parts;
  return format(new Date(`${day}T${hour}:${minute}:${second}${zone}`), fraction);
}

function format(date: Date, fraction: string): string | undefined {
  // A year of more or less than four digits would not compare as text.
  if (Number.isNaN(date.getTime()) || !/^\d{4}-/.test(date.toISOString())) return undefined;
  return `${date.toISOString().slice(0, 19)}.${fraction.padEnd(9, "0")}Z`;
}
