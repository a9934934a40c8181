import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export interface Measured {
  readonly elapsedMs: number;
  /** The most memory that the program itself held resident; 0 if it was too short to be looked at. */
  readonly peakBytes: number;
  readonly stdout: string;
}

const LOOK_EVERY_MS = 10;

/** Runs a command to its end, its output through a pipe to a program that drops it, or collected where it is wanted. */
export async function measure(command: Command, { collect = false } = {}): Promise<Measured> {
  const started = performance.now();
  const drain = collect ? undefined : spawn("cat", [], { stdio: ["pipe", "ignore", "ignore"] });
  const child = spawn(command.program, command.args, {
    env: command.env,
    stdio: ["ignore", drain?.stdin ?? "pipe", "pipe"],
  });
  drain?.stdin.destroy();
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
  let peakBytes = 0;
  const look = setInterval(async () => {
    peakBytes = Math.max(peakBytes, await statusBytes(child.pid as number, "VmHWM"));
  }, LOOK_EVERY_MS);
  const exitCode = await new Promise<number | null>((settle, reject) => {
    child.once("error", reject);
    child.once("close", settle);
  }).finally(() => clearInterval(look));
  const elapsedMs = performance.now() - started;
  if (exitCode !== 0) {
    const line = [command.program, ...command.args].join(" ");
    throw new Error(`${line}: exit code ${exitCode}\n${Buffer.concat(stderr)}`);
  }
  return { elapsedMs, peakBytes, stdout: Buffer.concat(stdout).toString() };
}

/** Memory that a process holds now. */
export async function residentBytes(pid: number): Promise<number> {
  return await statusBytes(pid, "VmRSS");
}

async function statusBytes(pid: number, field: "VmHWM" | "VmRSS"): Promise<number> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    // It ended between two looks.
    return 0;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}
