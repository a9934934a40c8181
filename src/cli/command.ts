import type { ArgInput, FlagInput, InferredArgs, InferredFlags } from "@oclif/core/interfaces";
import { parse as parseWithOclif } from "@oclif/core/parser";
import type { EngineApi } from "../api/client.ts";
import type { Settings } from "../model/settings.ts";
import { checkArgumentCount } from "./argument-count.ts";
import { canonicalArgv, invalidValue, readArgv } from "./argv.ts";
import type { Interrupts } from "./interrupts.ts";
import type { EnginePart, OpenEngine } from "./open-engine.ts";
import { print, warn } from "./output.ts";
import { Flags } from "./parameters.ts";
import { type GlobalFlags, resolveSettings } from "./settings.ts";
import { FlagValueError, UsageError } from "./usage-error.ts";

/** The flags that every command understands, before its name and after it. */
export const globalFlags = {
  address: Flags.string({
    char: "H",
    charAliases: ["a"],
    aliases: ["host"],
    helpGroup: "GLOBAL",
    helpValue: "string",
    summary: "Path of containerd's socket; also -a, --host (CONTAINERD_ADDRESS)",
  }),
  namespace: Flags.string({
    char: "n",
    helpGroup: "GLOBAL",
    helpValue: "string",
    summary: "containerd namespace to work in (CONTAINERD_NAMESPACE)",
  }),
  snapshotter: Flags.string({
    helpGroup: "GLOBAL",
    helpValue: "string",
    summary: "containerd snapshotter to use (CONTAINERD_SNAPSHOTTER)",
  }),
  debug: Flags.boolean({ char: "D", helpGroup: "GLOBAL", summary: "Show the causes of failures" }),
};

/** What `main` hands to the command it runs. */
export interface Invocation {
  /** The words after the command's name, leading global flags moved among them. */
  readonly argv: readonly string[];
  readonly interrupts: Interrupts;
  /** The command as the user named it, e.g. `ps` or `container ls`. */
  readonly calledAs: string;
}

/** Thrown by `parse` when the command line asks for help; `main` prints it. */
export class HelpRequested extends Error {
  override readonly name = "HelpRequested";
}

/**
 * The base of all commands, shaped as oclif's: the statics are what its parser, its help and its manifest read.
 * It is not oclif's own class because importing that costs as much as starting Node.
 */
export abstract class Command {
  static summary = "";
  static description: string | undefined;
  static examples: string[] = [];
  /** Other ids of the command, words joined by colons: `ps`, `container:list`. */
  static aliases: string[] = [];
  static hidden = false;
  /** docker's usage line behind the command's name, e.g. `[OPTIONS] CONTAINER [CONTAINER...]`; made from args if absent. */
  static usage: string | undefined;
  static args: ArgInput = {};
  static flags: FlagInput = {};
  /** The first positional ends the flags: the rest is the container's command. */
  static stopAtPositional = false;
  /** Set by a command whose result is an exit code. */
  exitCode = 0;
  /** The exit code of a failure: 125 where other codes are the container's own. */
  failureExitCode = 1;
  private resolvedSettings: Settings | undefined;

  constructor(private readonly invocation: Invocation) {}

  abstract run(): Promise<void>;

  /** Aborted by SIGINT and SIGTERM. */
  protected get signal(): AbortSignal {
    return this.invocation.interrupts.signal;
  }

  /** From here on the command sees to SIGINT and SIGTERM itself; `signal` is not aborted by them any more. */
  protected releaseInterrupts(): void {
    this.invocation.interrupts.release();
  }

  /** Settings by flags and environment; there once `parse` has been called. */
  protected get settings(): Settings {
    if (this.resolvedSettings === undefined) throw new Error("settings are read before parse()");
    return this.resolvedSettings;
  }

  /**
   * Reads the command line against the statics of `definition`, the command's own class.
   *
   * @throws UsageError in docker's words; HelpRequested for `--help`.
   */
  protected async parse<F extends FlagInput, A extends ArgInput>(
    definition: Definition<F, A>,
  ): Promise<{ args: InferredArgs<A>; flags: InferredFlags<F> & GlobalFlags }> {
    const flags = { ...globalFlagsBeside(definition.flags), ...definition.flags };
    const read = readArgv(this.invocation.argv, { flags, stopAtPositional: definition.stopAtPositional });
    if (read.help) throw new HelpRequested();
    checkArgumentCount(this.invocation.calledAs, read.positionals, definition.args);
    const options = { flags, args: definition.args, strict: true };
    const output = await parseWithOclif(canonicalArgv(read), options).catch(rethrowAsUsageError);
    this.resolvedSettings = resolveSettings(output.flags, process.env);
    return output as never;
  }

  /** Opens containerd directly, and the named parts of the engine beside it. Dispose of it: it holds a channel. */
  protected async openEngine<K extends EnginePart = never>(...parts: K[]): Promise<OpenEngine<K>> {
    const { openEngine } = await import("./open-engine.ts");
    return openEngine(this.settings, parts);
  }

  /** Finds the supervisor of this containerd, or starts it, and returns a client of its Engine API. */
  protected async openSupervisor(): Promise<EngineApi> {
    const { openSupervisor } = await import("./open-supervisor.ts");
    return openSupervisor(this.settings, { signal: this.signal });
  }

  /** Prints a line of the command's result. */
  protected log(line: string): void {
    print(`${line}\n`);
  }

  /** Tells the person, not the script, something on stderr. */
  protected warn(line: string): void {
    warn(line);
  }

  /**
   * Does the same to every target, as docker does: one that fails is reported and does not keep the next from its
   * turn; if any failed the command's exit code is 1. What `act` returns is printed. With a `concurrency` several
   * targets are at work at a time; their results are printed in the order of the command line all the same.
   */
  protected async forEachTarget(
    targets: readonly string[],
    act: (target: string) => Promise<string | undefined>,
    { concurrency = 1 }: { readonly concurrency?: number } = {},
  ): Promise<void> {
    const running: Promise<string | undefined>[] = [];
    let started = 0;
    const startNext = (): void => {
      const target = targets[started++];
      if (target === undefined) return;
      const action = act(target).finally(startNext);
      // The loop below looks at it in its turn; until then its failure is no unhandled one.
      action.catch(() => undefined);
      running.push(action);
    };
    for (let index = 0; index < Math.min(concurrency, targets.length); index++) startNext();
    for (let index = 0; index < targets.length; index++) {
      try {
        const line = await running[index];
        if (typeof line === "string") this.log(line);
      } catch (error) {
        if (this.signal.aborted) throw error;
        const { reportError } = await import("./report-error.ts");
        reportError(error, { debug: this.settings.debug });
        this.exitCode = 1;
      }
    }
  }
}

/** How many containers docker's client works on at a time where their order does not matter. */
export const AT_ONCE = 50;

/** The statics that `parse` reads, with the types that it infers its result from. */
interface Definition<F extends FlagInput, A extends ArgInput> {
  readonly flags: F;
  readonly args: A;
  readonly stopAtPositional: boolean;
}

/** A command's class, as `main` gets it from the table of commands. */
export type CommandClass = Omit<typeof Command, "prototype"> & (new (invocation: Invocation) => Command);

/** The global flags less the letters that the command itself uses: `ps -a` and `ps -n` are its own. */
export function globalFlagsBeside(flags: FlagInput): typeof globalFlags {
  const taken = new Set(Object.values(flags).flatMap((flag) => [flag.char, ...(flag.charAliases ?? [])]));
  const free = Object.entries(globalFlags).map(([name, flag]) => {
    const chars = [flag.char, ...(flag.charAliases ?? [])].filter((char) => char !== undefined && !taken.has(char));
    const { char: _, charAliases: __, ...rest } = flag;
    return [name, { ...rest, ...(chars.length > 0 && { char: chars[0], charAliases: chars.slice(1) }) }];
  });
  return Object.fromEntries(free);
}

function rethrowAsUsageError(error: unknown): never {
  if (error instanceof FlagValueError) {
    throw new UsageError(invalidValue(error.flag, error.value, error.reason), { exitCode: 125 });
  }
  const oclif = error as { oclif?: unknown; message: string };
  if (oclif.oclif === undefined) throw error;
  const message = oclif.message
    .replace(/\nSee more help with --help$/, "")
    .replace(/^The following errors? occurred:\s+/, "");
  throw new UsageError(message, { exitCode: 125 });
}
