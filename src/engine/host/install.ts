import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { EngineError } from "../../errors.ts";
import { packageManagerEnvironment } from "../../program-environment.ts";
import type { OperationContext } from "../engine.ts";
import { findPackageManager, installCommands } from "./package-manager.ts";
import type { Requirement } from "./requirements.ts";

export type InstallEvent =
  | { readonly type: "running"; readonly argv: readonly string[] }
  | { readonly type: "output"; readonly line: string };

export interface InstallRequest {
  readonly requirements: readonly Requirement[];
  readonly searchPath: readonly string[];
}

/**
 * The commands that would install the requirements with the distribution's package manager.
 *
 * @throws EngineError `unimplemented` on a host with a package manager that we do not know.
 */
export async function planInstall({ requirements, searchPath }: InstallRequest): Promise<string[][]> {
  const manager = await findPackageManager(searchPath);
  if (manager === undefined) {
    throw new EngineError("unimplemented", "no package manager found on this host", {
      hint: `install by hand: ${requirements.map(({ name }) => name).join(", ")}`,
    });
  }
  const packages = new Set(requirements.map((requirement) => requirement.packages[manager]));
  return installCommands(manager, [...packages]);
}

/**
 * Installs the requirements with the distribution's package manager, which may start the services it brings.
 *
 * @throws EngineError `unimplemented` as `planInstall`; `internal` when the package manager fails.
 */
export async function installRequirements(
  request: InstallRequest,
  { signal, onProgress }: OperationContext<InstallEvent>,
): Promise<void> {
  for (const argv of await planInstall(request)) {
    onProgress({ type: "running", argv });
    const exitCode = await runCommand(argv, { signal, onLine: (line) => onProgress({ type: "output", line }) });
    if (exitCode !== 0) throw new EngineError("internal", `${argv[0]} failed with exit code ${exitCode}`);
  }
}

interface RunOptions {
  readonly signal: AbortSignal;
  onLine(line: string): void;
}

/** Runs a command without stdin, hands over its output line by line, and returns its exit code. */
async function runCommand([file = "", ...args]: readonly string[], { signal, onLine }: RunOptions): Promise<number> {
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: packageManagerEnvironment(),
    signal,
  });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", onLine);
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, killedBy) => resolve(code ?? (killedBy === null ? 1 : 128)));
  });
}
