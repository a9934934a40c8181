import { type ProgramResult, runProgram } from "../../support/program.ts";
import type { Step } from "./step.ts";

/** One of the two that are compared: a command line and what it is run with. */
export interface Side {
  readonly name: "docker" | "wharf";
  readonly program: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** Gives a step's command line to one side. */
export async function take(side: Side, { argv, stdin, terminal }: Step): Promise<ProgramResult> {
  const options = { env: { ...side.environment, TERM: "xterm" }, mayFail: true, ...(stdin !== undefined && { stdin }) };
  if (!terminal) return await runProgram(side.program, argv, options);
  const command = `stty rows 24 cols 80; exec ${[side.program, ...argv].map(quote).join(" ")}`;
  return await runProgram("script", ["--quiet", "--return", "--flush", "--command", command, "/dev/null"], options);
}

/** Removes every container of the side, and what tags a scenario made. */
export async function cleanUp(side: Side): Promise<void> {
  const { stdout } = await take(side, { argv: ["ps", "-aq"] });
  const ids = stdout.split("\n").filter((id) => id !== "");
  if (ids.length > 0) await take(side, { argv: ["rm", "-f", "-v", ...ids] });
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
