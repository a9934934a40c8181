import { EngineError, type ErrorCode } from "../../errors.ts";

/** Why a container's process could not be started, in docker's words and with docker's exit code. */
export interface StartFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** What `State.ExitCode` becomes: 127 not found, 126 not executable, 128 anything else. */
  readonly exitCode: number;
  readonly hint?: string;
}

/** The exit code of a start that failed for a reason which has no code of its own. */
export const UNEXPLAINED_FAILURE = 128;

const INSTALL_HINT = "run: wharf system install";

const MOUNT_HINT =
  ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";

/**
 * Reads the reason out of a failed start. runc tells the shim in prose only, so this is the one file of the project
 * that matches texts; test/unit/engine/start-failure.test.ts holds recorded ones. The rules, and their order, are those
 * by which docker chooses `State.ExitCode`.
 */
export function explainStartFailure(error: unknown): StartFailure {
  const text = (error instanceof Error ? error.message : String(error)).replace(/: unknown$/, "");
  const missing = missingProgram(text);
  if (missing !== undefined) {
    const message = `containerd finds no program ${missing}, which it starts containers with`;
    return { code: "failed-precondition", message, exitCode: UNEXPLAINED_FAILURE, hint: INSTALL_HINT };
  }
  if (!text.includes("OCI runtime")) {
    const code = error instanceof EngineError ? error.code : "internal";
    return { code, message: text, exitCode: code === "command-not-found" ? 127 : UNEXPLAINED_FAILURE };
  }
  const message = `failed to create task for container: ${text}`;
  if (/executable file not found|no such file or directory/i.test(text)) {
    // A missing bind source reads the same; docker calls both 127.
    return { code: "command-not-found", message, exitCode: 127 };
  }
  if (/permission denied/i.test(text)) return { code: "command-not-executable", message, exitCode: 126 };
  if (/not a directory/i.test(text)) return { code: "invalid-argument", message: message + MOUNT_HINT, exitCode: 127 };
  return { code: "internal", message, exitCode: UNEXPLAINED_FAILURE };
}

/** The runtime, or its shim, when it is the host that lacks it: a container's own program reads much the same. */
function missingProgram(text: string): string | undefined {
  const [, shim] = /binary not installed "([^"]+)"/.exec(text) ?? [];
  const [, runtime] =
    /unable to retrieve OCI runtime error .*: exec: "([^"]+)": executable file not found/.exec(text) ?? [];
  return shim ?? runtime;
}
