/** Shows a moment as Go prints a `time.Time` in the machine's zone: `2026-11-25 10:35:59 +0000 UTC`. */
export function formatGoTime(at: Date): string {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString();
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${zoneOffset(at)} ${zoneName(at)}`;
}

/** Shows a moment in Go's RFC 3339, in the machine's zone: `2026-11-25T10:35:59Z`. */
export function formatGoRfc3339(at: Date): string {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString();
  const offset = zoneOffset(at);
  const zone = offset === "+0000" ? "Z" : `${offset.slice(0, 3)}:${offset.slice(3)}`;
  return `${local.slice(0, 10)}T${local.slice(11, 19)}${zone}`;
}

function zoneOffset(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  const digits = (number: number) => String(Math.trunc(number)).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${digits(Math.abs(minutes) / 60)}${digits(Math.abs(minutes) % 60)}`;
}

/** JavaScript's locales know the abbreviations of their own zones only, so several are asked. */
const LOCALES = ["en-US", "en-GB", "en-CA", "en-AU", "en-IN", "en-ZA"];

/** The zone's abbreviation, e.g. CET; as in Go its offset, where it has none. */
function zoneName(at: Date): string {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  if (timeZone === "UTC" || timeZone === "Etc/UTC") return "UTC";
  const names = LOCALES.map((locale) => {
    const parts = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: "short" }).formatToParts(at);
    return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  });
  return names.find((name) => /^[A-Z]{3,5}$/.test(name)) ?? zoneOffset(at).replace(/00$/, "");
}
