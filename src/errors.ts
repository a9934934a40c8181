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

/** What the host, and not a defect of wharf, may keep a system call from doing: our code, and what to do about it. */
const HOST_FAILURES: Readonly<Record<string, { readonly code: ErrorCode; readonly hint?: string }>> = {
  ENOSPC: { code: "resource-exhausted", hint: "free some space on its file system" },
  EDQUOT: { code: "resource-exhausted" },
  EMFILE: {
    code: "resource-exhausted",
    hint: "raise the limit of open files (ulimit -n), then: wharf supervisor stop",
  },
  ENFILE: { code: "resource-exhausted", hint: "the whole host has too many files open (fs.file-max)" },
  ENOMEM: { code: "resource-exhausted" },
  EAGAIN: { code: "resource-exhausted" },
  EROFS: {
    code: "failed-precondition",
    hint: "wharf needs its data root (WHARF_DATA_ROOT) and run root to be writable",
  },
  EIO: { code: "failed-precondition", hint: "the disk may be failing; see the kernel's log" },
  ENOTDIR: { code: "failed-precondition" },
  EACCES: { code: "permission-denied" },
  EPERM: { code: "permission-denied" },
};

/**
 * The failure as an `EngineError` if it is one, or if it is a system call that the host did not let succeed: a full
 * disk, a read-only file system, a limit. Undefined for everything else, which nobody expected.
 */
export function expectedFailure(error: unknown): EngineError | undefined {
  if (error instanceof EngineError) return error;
  if (!(error instanceof Error)) return undefined;
  const { code: errno = "", syscall, path = "" } = error as Error & { code?: string; syscall?: string; path?: string };
  const failure = syscall === undefined ? undefined : HOST_FAILURES[errno];
  if (failure === undefined) return undefined;
  // Node says `ENOSPC: no space left on device, write`.
  const reason = error.message.replace(/^[A-Z]+: /, "").split(",")[0];
  const where = path === "" ? syscall : `${syscall} ${path}`;
  return new EngineError(failure.code, `${where}: ${reason}`, { cause: error, hint: failure.hint });
}
