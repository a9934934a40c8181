import { EngineError, type ErrorCode } from "../errors.ts";
import { asObject } from "../model/json-object.ts";
import type { Reference } from "../model/reference.ts";

/** What a registry says in the body of a failure. */
interface RegistryFault {
  readonly code: string;
  readonly message: string;
}

/** More than that no registry has to say, and no screen to show. */
const MAX_FAULTS = 10;
const MAX_FAULT_LENGTH = 1000;

/** The failed answer, as the transport hands it over. */
export interface FailedResponse {
  readonly status: number;
  readonly url: URL;
  readonly body: string;
  /** Its header, if it has one. */
  readonly retryAfter?: string | undefined;
}

/** Phrases of the system's refusals, in the words that docker's users know. */
const NETWORK_FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "temporary failure in name resolution",
  ETIMEDOUT: "connection timed out",
  UND_ERR_CONNECT_TIMEOUT: "connection timed out",
  UND_ERR_HEADERS_TIMEOUT: "timed out waiting for an answer",
  UND_ERR_BODY_TIMEOUT: "timed out waiting for data",
  UND_ERR_SOCKET: "connection closed by the registry",
  EPROTO: "http: server gave HTTP response to HTTPS client",
  ERR_SSL_WRONG_VERSION_NUMBER: "http: server gave HTTP response to HTTPS client",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "http: server gave HTTP response to HTTPS client",
};

/** Translates a failure to speak to `url` at all. `unavailable`: trying again may help. */
export function fromNetworkError(error: unknown, url: URL): EngineError {
  if (error instanceof EngineError) {
    return error;
  }
  if (error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError")) {
    return new EngineError("canceled", "interrupted", { cause: error });
  }
  const { code = "", message = String(error) } = error as Partial<NodeJS.ErrnoException>;
  const reason = NETWORK_FAULTS[code] ?? message.split("\n", 1)[0];
  const hint = isDistrust(code)
    ? `If you trust it, put its authority's certificate into /etc/docker/certs.d/${url.host}/ca.crt.`
    : undefined;
  return new EngineError("unavailable", `cannot reach registry ${url.host}: ${reason}`, { cause: error, hint });
}

/** True for what TLS says of a certificate that nobody we trust has signed. */
function isDistrust(code: string): boolean {
  return /^(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_)/.test(code);
}

/**
 * Translates the answer to a request for the manifest of `reference`: `not-found`, or `permission-denied` where the
 * registry will not say whether the repository exists, in docker's words.
 */
export function fromManifestFailure(reference: Reference, response: FailedResponse): EngineError {
  const faults = parseFaults(response.body);
  if (response.status === 401 || response.status === 403) {
    return new EngineError(
      "permission-denied",
      `pull access denied for ${reference.familiarRepository}, repository does not exist or may require 'docker login'${suffix(faults)}`,
    );
  }
  if (response.status !== 404) {
    return fromFailedResponse(response);
  }
  if (faults.some(({ code }) => code === "NAME_UNKNOWN")) {
    return new EngineError("not-found", `repository ${reference.familiarRepository} not found${suffix(faults)}`);
  }
  return new EngineError(
    "not-found",
    `manifest for ${reference.familiar()} not found${suffix(faults) || ": manifest unknown"}`,
  );
}

/** Translates the answer to what is pushed to `reference`: a refusal in the registry's own words, as docker does. */
export function fromPushFailure(reference: Reference, response: FailedResponse): EngineError {
  if (response.status !== 401 && response.status !== 403) return fromFailedResponse(response);
  const said = suffix(parseFaults(response.body)).replace(/^: /, "");
  const hint = `See 'wharf login ${reference.domain}'.`;
  return response.status === 401
    ? new EngineError("unauthenticated", said || "unauthorized: authentication required", { hint })
    : new EngineError("permission-denied", said || "denied: requested access to the resource is denied", { hint });
}

/** Translates any other failed answer. */
export function fromFailedResponse(response: FailedResponse): EngineError {
  const faults = parseFaults(response.body);
  const detail = suffix(faults) || `: the registry answered ${response.status}`;
  const message = `${response.url.host}${response.url.pathname}${detail}`;
  return new EngineError(codeOf(response.status), message, { hint: hintFor(response) });
}

function hintFor({ status, retryAfter }: FailedResponse): string | undefined {
  if (status !== 429) return undefined;
  const when =
    retryAfter === undefined ? "later" : `after ${oneLine(retryAfter)}${/^\d+$/.test(retryAfter) ? " seconds" : ""}`;
  return `Try again ${when}; a registry may allow more to who is logged in.`;
}

function codeOf(status: number): ErrorCode {
  switch (status) {
    case 401:
      return "unauthenticated";
    case 403:
      return "permission-denied";
    case 404:
      return "not-found";
    case 416:
      return "out-of-range";
    case 429:
      return "resource-exhausted";
    default:
      return status >= 500 ? "unavailable" : "failed-precondition";
  }
}

/** The registry's own words, as docker appends them: `: manifest unknown: manifest unknown`. */
function suffix(faults: readonly RegistryFault[]): string {
  return faults.map(({ code, message }) => `: ${[phrase(code), message].filter(Boolean).join(": ")}`).join("");
}

/** `MANIFEST_UNKNOWN` reads `manifest unknown`. */
function phrase(code: string): string {
  return code.toLowerCase().replaceAll("_", " ");
}

function parseFaults(body: string): RegistryFault[] {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return [];
  }
  const { errors, details } = asObject(answer);
  if (Array.isArray(errors)) {
    const faults = errors.slice(0, MAX_FAULTS).map(asObject);
    return faults.map(({ code, message }) => ({ code: oneLine(code), message: oneLine(message) }));
  }
  return typeof details === "string" ? [{ code: "", message: oneLine(details) }] : [];
}

/** Without what moves a terminal's cursor, and no longer than a person reads: the words are a stranger's. */
function oneLine(text: unknown): string {
  if (typeof text !== "string") return "";
  const line = text.slice(0, MAX_FAULT_LENGTH).replace(/[\s\p{Cc}\p{Cf}]+/gu, " ");
  return line.trim();
}
