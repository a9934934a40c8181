import { type CliResult, startCli } from "../../support/cli.ts";
import type { Step } from "./step.ts";

/** One of the two that are compared: a command line and what it is run with. */
export interface Side {
  readonly program?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Gives a step's command line to one side. */
export async function take(side: Side, { argv, stdin, terminal, answers = [] }: Step): Promise<CliResult> {
  const running = startCli(argv, {
    ...(side.program !== undefined && { program: side.program }),
    ...(terminal && { tty: true }),
    env: { ...side.environment, TERM: "xterm" },
  });
  if (stdin !== undefined) running.write(stdin);
  for (const { prompt, text } of answers) {
    await running.waitForStdout(prompt);
    running.write(text);
  }
  if (!terminal) running.endStdin();
  return await running.result;
}

/** Removes every container of the side. */
export async function removeContainers(side: Side): Promise<void> {
  const { stdout } = await take(side, { argv: ["ps", "-aq"] });
  const ids = stdout.split("\n").filter((id) => id !== "");
  if (ids.length > 0) await take(side, { argv: ["rm", "-f", "-v", ...ids] });
}
