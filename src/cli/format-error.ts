import { EngineError } from "../errors.ts";

/** A `--format` that cannot be parsed, where docker ends with sysexits' EX_USAGE. */
export class FormatError extends EngineError {
  readonly exitCode = 64;

  constructor(cause: EngineError) {
    super(cause.code, `template parsing error: ${cause.message}`, { cause });
  }
}
