import { inspect } from "node:util";
import { expectedFailure } from "../errors.ts";
import { printError } from "./output.ts";

/** Prints a failure: one line that names the object, the way out on a second one, causes only for `--debug`. */
export function reportError(error: unknown, { debug }: { debug: boolean }): void {
  const failure = expectedFailure(error);
  printError(`wharf: ${failure?.message ?? `internal error: ${error instanceof Error ? error.message : error}`}\n`);
  const hint = failure ? failure.hint : "This is a defect of wharf; --debug shows where it happened.";
  if (hint !== undefined) printError(`${hint}\n`);
  if (debug) printError(`${inspect(error)}\n`);
}
