import { UsageError } from "./usage-error.ts";

/** What this check needs to know of an argument; oclif's definitions have this shape. */
export interface ArgShape {
  readonly required?: boolean | undefined;
  readonly multiple?: boolean | undefined;
}

/**
 * Checks the number of positional arguments, and complains in docker's words, which scripts and people know.
 *
 * @throws UsageError with exit code 1.
 */
export function checkArgumentCount(
  command: string,
  positionals: readonly string[],
  args: Readonly<Record<string, ArgShape>>,
): void {
  const shapes = Object.values(args);
  const least = shapes.filter((arg) => arg.required).length;
  const most = shapes.some((arg) => arg.multiple) ? Number.POSITIVE_INFINITY : shapes.length;
  if (positionals.length >= least && positionals.length <= most) return;
  const complaint = `wharf: 'wharf ${command}' ${expectation(least, most)}`;
  throw new UsageError(complaint, { exitCode: 1, pointer: most === Number.POSITIVE_INFINITY ? "See" : "Run" });
}

function expectation(least: number, most: number): string {
  if (most === 0) return "accepts no arguments";
  if (least === most) return `requires ${count(least)}`;
  if (most === Number.POSITIVE_INFINITY) return `requires at least ${count(least)}`;
  return least === 0 ? `requires at most ${count(most)}` : `requires at least ${least} and at most ${count(most)}`;
}

function count(number: number): string {
  return number === 1 ? "1 argument" : `${number} arguments`;
}
