import { isEngineError } from "../errors.ts";
import { FormatError } from "./format-error.ts";

/** Exit codes that are docker's convention rather than a command's own; see also `UsageError.exitCode`. */
export const EXIT_FAILURE = 1;
export const EXIT_RUN_FAILED = 125;
export const EXIT_NOT_EXECUTABLE = 126;
export const EXIT_NOT_FOUND = 127;

/**
 * The exit code of a failed command. Only commands that pass on a container's exit code (`failureExitCode` 125) tell
 * apart a command that is missing from one that cannot be executed.
 */
export function exitCodeOf(error: unknown, failureExitCode: number): number {
  if (error instanceof FormatError) return error.exitCode;
  if (failureExitCode !== EXIT_RUN_FAILED) return failureExitCode;
  if (isEngineError(error, "command-not-found")) return EXIT_NOT_FOUND;
  if (isEngineError(error, "command-not-executable")) return EXIT_NOT_EXECUTABLE;
  return EXIT_RUN_FAILED;
}
