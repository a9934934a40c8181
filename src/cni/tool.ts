import { spawn } from "node:child_process";
import { EngineError } from "../errors.ts";
import { toolEnvironment } from "../program-environment.ts";

/** Where administrators' tools lie when `PATH` was made for a person who is none. */
const ADMINISTRATION = ["/usr/sbin", "/sbin"];

export interface ToolResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ToolOptions {
  readonly stdin?: string;
  /** Instead of a tool's usual environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Kills the tool. Leave it out where half of the work would be worse than all of it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a program of the host to its end and returns what it said, whatever its exit code.
 *
 * @throws EngineError `failed-precondition` if the host has no such program, `canceled` if the signal came first.
 */
export async function runTool(tool: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> {
  const candidates = tool.includes("/") ? [tool] : [tool, ...ADMINISTRATION.map((directory) => `${directory}/${tool}`)];
  for (const candidate of candidates) {
    const result = await runProgram(candidate, args, options);
    if (result !== undefined) return result;
  }
  throw new EngineError("failed-precondition", `${tool} is not installed`, { hint: "run: wharf system install" });
}

/**
 * Runs a program of the host that has to succeed.
 *
 * @throws EngineError `internal` with what it printed, and as `runTool` does.
 */
export async function runToolOrThrow(tool: string, args: readonly string[], options?: ToolOptions): Promise<string> {
  const { exitCode, stdout, stderr } = await runTool(tool, args, options);
  if (exitCode !== 0) throw toolFailure(tool, stderr || stdout);
  return stdout;
}

/** What a failed tool said, as an error of one line. */
export function toolFailure(tool: string, output: string): EngineError {
  const line = output.split("\n").find((text) => text.trim() !== "") ?? "failed without saying why";
  return new EngineError("internal", `${tool}: ${line.trim()}`);
}

/** `undefined` if there is no such file. */
function runProgram(
  program: string,
  args: readonly string[],
  { stdin = "", env = toolEnvironment(), signal }: ToolOptions,
): Promise<ToolResult | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: "pipe",
      env,
      ...(signal === undefined ? {} : { signal, killSignal: "SIGKILL" as const }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve(undefined);
      else if (error.name === "AbortError") reject(new EngineError("canceled", `${program} was interrupted`));
      else reject(new EngineError("internal", `cannot run ${program}: ${error.message}`, { cause: error }));
    });
    child.once("close", (exitCode) => resolve({ exitCode: exitCode ?? -1, stdout, stderr }));
    // A tool that fails early does not read all of its input; its exit code tells.
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin);
  });
}
