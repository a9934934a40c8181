import { constants } from "node:os";

/** Writes to stdout, where only the command's result goes. */
export function print(text: string): void {
  write(process.stdout, text);
}

/** Writes to stderr: errors, warnings, progress. */
export function printError(text: string): void {
  write(process.stderr, text);
}

/** Writes a warning as docker does. */
export function warn(line: string): void {
  printError(`WARNING: ${line}\n`);
}

function write(stream: NodeJS.WriteStream, text: string): void {
  if (stream.listenerCount("error") === 0) stream.on("error", endAfterFailedWrite);
  stream.write(text);
}

/** True when whoever read our output has left, as `head` does. */
export function isClosedPipe(error: NodeJS.ErrnoException): boolean {
  return error.code === "EPIPE";
}

/** Ends the process: without a word if nobody reads any more, as SIGPIPE would that Node ignores. */
export function endAfterFailedWrite(error: NodeJS.ErrnoException): never {
  if (isClosedPipe(error)) process.exit(128 + constants.signals.SIGPIPE);
  process.stderr.write(`wharf: ${error.message}\n`);
  process.exit(1);
}
