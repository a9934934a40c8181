/** Which part of docker's own wording follows the message. */
export interface UsageErrorOptions {
  /** 125 for flags, 1 for the number of arguments and unknown commands: docker's own split. */
  readonly exitCode: 1 | 125;
  /** How docker points to the help text: "Run" after a flag, "See" after too few arguments. */
  readonly pointer?: "Run" | "See";
}

/** A command line that could not be understood. Printed with the usage line of the command it was meant for. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly exitCode: 1 | 125;
  readonly pointer: "Run" | "See";

  constructor(message: string, options: UsageErrorOptions) {
    super(message);
    this.exitCode = options.exitCode;
    this.pointer = options.pointer ?? "Run";
  }
}

/** A value that a flag's parser refused. `Command.parse` rewords it as docker does, naming the flag. */
export class FlagValueError extends Error {
  override readonly name = "FlagValueError";

  constructor(
    readonly flag: { readonly name: string; readonly char?: string | undefined },
    readonly value: string,
    readonly reason: string,
  ) {
    super(reason);
  }
}
