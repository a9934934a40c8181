const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Shows a span of time as docker's tables do, to one unit: `About a minute`, `5 minutes`, `3 weeks`. */
export function formatHumanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(milliseconds / MINUTE_MS);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(milliseconds / HOUR_MS + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 7 * 2) return `${days} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(days / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(days / 30)} months`;
  return `${Math.trunc(Math.trunc(milliseconds / HOUR_MS) / 24 / 365)} years`;
}

/** Shows a moment of the past: `5 minutes ago`. */
export function formatTimeAgo(at: Date, now: Date): string {
  return `${formatHumanDuration(now.getTime() - at.getTime())} ago`;
}
