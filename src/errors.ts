/**
 * The closed set of failures a caller may act on. gRPC statuses (containerd/rpc.ts), registry answers
 * (registry/errors.ts) and Engine API statuses (api/client.ts) become one of these once, at the boundary.
 */
export type ErrorCode =
  | "not-found"
  | "already-exists"
  | "invalid-argument"
  | "failed-precondition"
  | "conflict"
  | "permission-denied"
  | "unauthenticated"
  | "unavailable"
  | "unimplemented"
  | "resource-exhausted"
  | "deadline-exceeded"
  | "out-of-range"
  | "canceled"
  /** The container's command does not exist in its root file system: exit code 127. */
  | "command-not-found"
  /** The container's command exists and cannot be executed: exit code 126. */
  | "command-not-executable"
  | "internal";

/** A failure its caller may act on. Branch on `code`; `message` is for people, one line, lower case. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  /** What the reader can do about it; printed on a second line. */
  readonly hint: string | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string | undefined } = {},
  ) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}

/** True for an `EngineError` of one of the given codes. */
export function isEngineError(error: unknown, ...codes: ErrorCode[]): error is EngineError {
  return error instanceof EngineError && (codes.length === 0 || codes.includes(error.code));
}
