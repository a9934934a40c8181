import type { Timestamp } from "./generated/google/protobuf/timestamp.ts";

/**
 * RFC 3339 with up to nine digits behind the point, as Go writes it: `2026-03-01T12:00:00.123456789Z`. `""` for a time
 * that is absent.
 */
export function timestampToIso(timestamp: Timestamp | undefined): string {
  if (!timestamp) return "";
  const seconds = new Date(Number(timestamp.seconds) * 1000).toISOString().slice(0, -".000Z".length);
  if (timestamp.nanos === 0) return `${seconds}Z`;
  return `${seconds}.${String(timestamp.nanos).padStart(9, "0").replace(/0+$/, "")}Z`;
}

/** The inverse of `timestampToIso`; takes any RFC 3339 time. */
export function timestampFromIso(iso: string): Timestamp | undefined {
  if (iso === "") return undefined;
  const fraction = /\.(\d+)/.exec(iso)?.[1] ?? "";
  const milliseconds = Date.parse(iso.replace(/\.\d+/, ""));
  if (Number.isNaN(milliseconds)) throw new RangeError(`not an RFC 3339 time: ${iso}`);
  return { seconds: BigInt(milliseconds / 1000), nanos: Number(fraction.padEnd(9, "0").slice(0, 9)) };
}
