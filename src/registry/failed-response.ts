import type { FailedResponse } from "./errors.ts";
import type { HttpResponse } from "./transport.ts";

/** Reads what a registry says of a failure. */
export async function readFailure(response: HttpResponse): Promise<FailedResponse> {
  return {
    status: response.status,
    url: response.url,
    body: await response.text(),
    retryAfter: response.header("retry-after"),
  };
}
