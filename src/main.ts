import { readArgv } from "./cli/argv.ts";
import { type CommandClass, globalFlags, HelpRequested } from "./cli/command.ts";
import { exitCodeOf } from "./cli/exit-codes.ts";
import { findCommand, type Target } from "./cli/find-command.ts";
import { Interrupts } from "./cli/interrupts.ts";
import { print, printError } from "./cli/output.ts";
import { UsageError } from "./cli/usage-error.ts";
import { VERSION } from "./cli/version.ts";
import { ALIASES, COMMANDS } from "./command-table.ts";

const ROOT_FLAGS = { ...globalFlags, version: { type: "boolean", char: "v" } } as const;
const ROOT_USAGE = "[OPTIONS] COMMAND [ARG...]";

/**
 * Runs the command that `argv` names and returns its exit code. The process then ends by itself once its output is
 * written; `process.exit` would cut a pipe's last 64 KiB.
 */
async function main(argv: readonly string[]): Promise<number> {
  try {
    const root = readArgv(argv, { flags: ROOT_FLAGS, stopAtPositional: true });
    const [first, ...rest] = root.positionals;
    if (root.flags.includes("--version")) {
      print(`wharf version ${VERSION}\n`);
      return 0;
    }
    if (root.help || first === undefined) return await showHelp([]);
    if (first === "help") return await showHelp(rest);
    return await dispatch(root.positionals, root.flags);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return reportUsage(error, "", ROOT_USAGE);
  }
}

async function dispatch(words: readonly string[], leadingFlags: readonly string[]): Promise<number> {
  const target = findCommand(words, { ids: new Set(Object.keys(COMMANDS)), aliases: ALIASES });
  switch (target.kind) {
    case "command":
      return await runCommand(target, leadingFlags);
    case "group":
      return await showGroup(target);
    case "unknown":
      printError(`wharf: unknown command: wharf ${words[0]}\n\nRun 'wharf --help' for more information\n`);
      return 1;
  }
}

async function runCommand(
  { id, calledAs, argv }: Extract<Target, { kind: "command" }>,
  leadingFlags: readonly string[],
): Promise<number> {
  const load = COMMANDS[id];
  if (load === undefined) throw new Error(`no command has the id ${id}`);
  const commandClass: CommandClass = (await load()).default;
  const interrupts = new Interrupts();
  const command = new commandClass({ argv: [...leadingFlags, ...argv], calledAs, interrupts });
  try {
    await command.run();
    return command.exitCode;
  } catch (error) {
    if (error instanceof HelpRequested) return await showHelp(calledAs.split(" "));
    if (error instanceof UsageError) return await reportUsage(error, calledAs, commandClass);
    if (interrupts.exitCode !== undefined) return interrupts.exitCode;
    const { reportError } = await import("./cli/report-error.ts");
    reportError(error, { debug: argv.includes("--debug") || leadingFlags.includes("--debug") });
    return exitCodeOf(error, command.failureExitCode);
  } finally {
    interrupts.release();
  }
}

async function showGroup({ id, rest }: Extract<Target, { kind: "group" }>): Promise<number> {
  const [word] = rest.filter((candidate) => !candidate.startsWith("-"));
  const words = id.split(":");
  if (word === undefined || rest.includes("--help")) return await showHelp(words);
  const name = words.join(" ");
  printError(
    `wharf: unknown command: wharf ${name} ${word}\n\nUsage:  wharf ${name}\n\nRun 'wharf ${name} --help' for more information\n`,
  );
  return 1;
}

async function showHelp(words: readonly string[]): Promise<number> {
  const { showHelp } = await import("./cli/help.ts");
  return await showHelp(words);
}

/** Reports a command line that could not be read, in docker's three paragraphs. */
async function reportUsage(error: UsageError, calledAs: string, usage: string | CommandClass): Promise<number> {
  const command = calledAs === "" ? "wharf" : `wharf ${calledAs}`;
  const usageLine = typeof usage === "string" ? usage : (await import("./cli/usage-line.ts")).usageLine(usage);
  const pointer = `${error.pointer} '${command} --help' for more information`;
  printError(`${error.message}\n\nUsage:  ${command} ${usageLine}\n\n${pointer}\n`);
  return error.exitCode;
}

// Until the command says otherwise: a process whose command never settles ends too, and must not look like a success.
process.exitCode = 1;

/** Settles when the command has ended. The build waits for it when it runs commands to have them compiled. */
export const ended = main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});

export { resolveSettings } from "./cli/settings.ts";
