import { spawn } from "node:child_process";
import { constants } from "node:os";

export interface ProgramOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Written to stdin, which is closed behind it. */
  readonly stdin?: string | Uint8Array;
  /** Return a failure instead of throwing it. */
  readonly mayFail?: boolean;
}

export interface ProgramResult {
  /** 128 + n where a signal ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end and collects what it writes. */
export async function runProgram(
  file: string,
  args: readonly string[],
  { env, stdin, mayFail = false }: ProgramOptions = {},
): Promise<ProgramResult> {
  const child = spawn(file, args, { env: env ?? process.env, stdio: ["pipe", "pipe", "pipe"] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A program that does not read its stdin closes it under our hands, which is its good right.
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin ?? "");
  const exitCode = await new Promise<number>((settle, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => settle(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
  const result = { exitCode, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
  if (exitCode !== 0 && !mayFail) throw new Error(`${file} ${args.join(" ")}: exit code ${exitCode}\n${result.stderr}`);
  return result;
}
