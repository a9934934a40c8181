import { setTimeout as delay } from "node:timers/promises";
import { isEngineError } from "../errors.ts";
import type { HttpResponse } from "./transport.ts";

/** How often a request is sent, and how long is waited between. */
export interface RetryPolicy {
  readonly attempts: number;
  /** Doubled each time. */
  readonly firstDelayMs: number;
  /** A registry that wants more patience is not waited for. */
  readonly maxDelayMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 5, firstDelayMs: 500, maxDelayMs: 60_000 };

/** What a registry answers that is overloaded or restarts. */
const PASSING_STATUSES = new Set([408, 429, 500, 502, 503, 504]);

/** True when the same request may be answered in a moment. */
export function isPassing(outcome: HttpResponse | Error): boolean {
  if (!(outcome instanceof Error)) return PASSING_STATUSES.has(outcome.status);
  return isEngineError(outcome, "unavailable") && isInterruption(outcome.cause);
}

/** How long to wait before the attempt that follows; undefined when no other one is worth it. */
export function pauseBefore(
  attempt: number,
  outcome: HttpResponse | Error,
  { attempts, firstDelayMs, maxDelayMs }: RetryPolicy,
): number | undefined {
  if (attempt >= attempts || !isPassing(outcome)) return undefined;
  const wanted = outcome instanceof Error ? undefined : retryAfterMs(outcome.header("retry-after"), Date.now());
  if (wanted !== undefined) return wanted <= maxDelayMs ? wanted : undefined;
  // Many clients that were refused together must not come back together.
  return Math.min(firstDelayMs * 2 ** (attempt - 1) * (0.5 + Math.random()), maxDelayMs);
}

/** Waits, unless the signal fires. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal });
}

/** `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3). */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0);
}

/** Connections that were there and broke; one that nobody takes, or a name that nobody knows, will not mend itself. */
const INTERRUPTIONS = new Set([
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_SOCKET",
]);

function isInterruption(cause: unknown): boolean {
  return INTERRUPTIONS.has((cause as { code?: string } | undefined)?.code ?? "");
}
