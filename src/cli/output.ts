/** Writes to stdout, where only the command's result goes. */
export function print(text: string): void {
  process.stdout.write(text);
}

/** Writes to stderr: errors, warnings, progress. */
export function printError(text: string): void {
  process.stderr.write(text);
}

/** Writes a warning as docker does. */
export function warn(line: string): void {
  printError(`WARNING: ${line}\n`);
}
