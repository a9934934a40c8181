import { describe, expect, it } from "vitest";
import { EngineError } from "../../../src/errors.ts";
import { pauseBefore, retryAfterMs } from "../../../src/registry/retry.ts";
import { scopesToRequest } from "../../../src/registry/scopes.ts";
import type { HttpResponse } from "../../../src/registry/transport.ts";

const POLICY = { attempts: 4, firstDelayMs: 100, maxDelayMs: 30_000 };

function answer(status: number, headers: Record<string, string> = {}): HttpResponse {
  return { status, header: (name: string) => headers[name] } as unknown as HttpResponse;
}

function networkError(code: string): EngineError {
  return new EngineError("unavailable", "cannot reach", { cause: Object.assign(new Error(code), { code }) });
}

describe("pauseBefore", () => {
  it.each([408, 429, 500, 502, 503, 504])("waits longer each time after %d, and not for ever", (status) => {
    const pauses = [1, 2, 3].map((attempt) => pauseBefore(attempt, answer(status), POLICY) ?? Number.NaN);

    for (const [index, pause] of pauses.entries()) {
      expect(pause).toBeGreaterThanOrEqual(50 * 2 ** index);
      expect(pause).toBeLessThanOrEqual(150 * 2 ** index);
    }
    expect(pauseBefore(4, answer(status), POLICY)).toBeUndefined();
  });

  it.each([200, 206, 301, 400, 401, 403, 404, 416, 501])("takes %d as the answer", (status) => {
    expect(pauseBefore(1, answer(status), POLICY)).toBeUndefined();
  });

  it("is as patient as the registry asks for, up to a limit", () => {
    expect(pauseBefore(1, answer(429, { "retry-after": "7" }), POLICY)).toBe(7000);
    expect(pauseBefore(1, answer(429, { "retry-after": "31" }), POLICY)).toBeUndefined();
  });

  it("goes on after a connection that broke, and not where nobody listens", () => {
    expect(pauseBefore(1, networkError("ECONNRESET"), POLICY)).toBeGreaterThan(0);
    expect(pauseBefore(1, networkError("UND_ERR_HEADERS_TIMEOUT"), POLICY)).toBeGreaterThan(0);
    expect(pauseBefore(1, networkError("ECONNREFUSED"), POLICY)).toBeUndefined();
    expect(pauseBefore(1, new EngineError("failed-precondition", "no"), POLICY)).toBeUndefined();
  });
});

it("reads Retry-After in seconds, as a date, and as neither", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");

  expect(retryAfterMs("120", now)).toBe(120_000);
  expect(retryAfterMs("Thu, 01 Jan 2026 00:00:30 GMT", now)).toBe(30_000);
  expect(retryAfterMs("Wed, 31 Dec 2025 00:00:00 GMT", now)).toBe(0);
  expect(retryAfterMs("soon", now)).toBeUndefined();
  expect(retryAfterMs(undefined, now)).toBeUndefined();
});

describe("scopesToRequest", () => {
  it("adds what the registry demands to what is wanted", () => {
    const wanted = ["repository:app:pull,push", "repository:other:pull"];

    expect(scopesToRequest(wanted, undefined)).toEqual(wanted);
    expect(scopesToRequest(["repository:app:pull"], "repository:app:pull,push repository:base:pull")).toEqual([
      "repository:app:pull,push",
      "repository:base:pull",
    ]);
    expect(scopesToRequest([], "registry:catalog:*")).toEqual(["registry:catalog:*"]);
  });

  it("takes the registry's word alone where it names the repository otherwise", () => {
    expect(scopesToRequest(["repository:library/app:pull"], "repository:proxy/library/app:pull")).toEqual([
      "repository:proxy/library/app:pull",
    ]);
  });
});
