import { inspect } from "node:util";
import { EngineError } from "../errors.ts";
import { printError } from "./output.ts";

/** Prints a failure: one line that names the object, the way out on a second one, causes only for `--debug`. */
export function reportError(error: unknown, { debug }: { debug: boolean }): void {
  printError(`wharf: ${messageOf(error)}\n`);
  const hint = hintOf(error);
  if (hint !== undefined) printError(`${hint}\n`);
  if (debug) printError(`${inspect(error)}\n`);
}

function messageOf(error: unknown): string {
  if (error instanceof EngineError) return error.message;
  return `internal error: ${error instanceof Error ? error.message : String(error)}`;
}

function hintOf(error: unknown): string | undefined {
  if (error instanceof EngineError) return error.hint;
  return "This is a defect of wharf; --debug shows where it happened.";
}
