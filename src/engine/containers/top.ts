import { type ExecFileException, execFile } from "node:child_process";
import { EngineError } from "../../errors.ts";
import type { ContainerTop } from "../../model/container-view.ts";
import { toolEnvironment } from "../../program-environment.ts";
import type { Engine } from "../engine.ts";
import { notRunning } from "./kill.ts";
import { findTask, type StoredContainer } from "./stored-container.ts";

export interface TopRequest {
  /** Arguments of the host's `ps`; absent or empty: `-ef`. */
  readonly psArguments?: string;
}

/**
 * What the host's `ps` says of a container's processes, as docker: its columns, and only the container's rows.
 *
 * @throws EngineError `conflict` when it does not run; `internal` with the words of `ps`; `invalid-argument` when a
 * column's title would hide which one holds the PIDs.
 */
export async function listContainerProcesses(
  engine: Pick<Engine, "containerd">,
  container: StoredContainer,
  { psArguments }: TopRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<ContainerTop> {
  const options = psArguments || "-ef";
  refuseRenamedPid(options);
  const task = await findTask(engine, container.id, { signal });
  if (task?.status !== "running" && task?.status !== "paused") throw notRunning(container);
  const processes = await engine.containerd.tasks.pids(container.id, { signal });
  const pids = processes.map(({ pid }) => String(pid));
  const words = options.split(" ").filter((word) => word !== "");
  // Some options, such as the forest of `f`, exclude a selection by PID; the rows are chosen below in any case.
  const output = await runPs([...words, "-q", pids.join(",")], signal).catch(() => runPs(words, signal));
  return selectProcesses(output, new Set(pids));
}

/** Cuts the table of `ps` into cells and keeps the rows of the given PIDs. */
export function selectProcesses(output: string, pids: ReadonlySet<string>): ContainerTop {
  const [header = "", ...lines] = output.split("\n");
  const titles = header.trim().split(/\s+/);
  const pidColumn = titles.indexOf("PID");
  if (pidColumn === -1) throw new EngineError("internal", "Couldn't find PID field in ps output");
  const rows = lines.filter((line) => line.trim() !== "").map((line) => splitRow(line, titles.length));
  let kept = false;
  const processes = rows.filter((row) => {
    // With `-m`, the threads of the process above have a dash for a PID.
    if (row[pidColumn] !== "-") kept = pids.has(row[pidColumn] ?? "");
    return kept;
  });
  return { Titles: titles, Processes: processes };
}

/** The last column, the command, has spaces of its own. */
function splitRow(line: string, columns: number): string[] {
  const cells = line.trim().split(/\s+/);
  return [...cells.slice(0, columns - 1), cells.slice(columns - 1).join(" ")];
}

function refuseRenamedPid(options: string): void {
  for (const [, column = "", title = ""] of options.matchAll(/(?:^|[\s,])(\S*?)=\s*(PID\S*)/g)) {
    if (column !== "pid") throw new EngineError("invalid-argument", `specifying "${column}=${title}" is not allowed`);
  }
}

function runPs(words: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("ps", words, { signal, env: toolEnvironment() }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(psFailure(error, stderr));
    });
  });
}

function psFailure(cause: ExecFileException, stderr: string): EngineError {
  if (cause.code === "ENOENT")
    return new EngineError("failed-precondition", "ps is not installed on the host", { cause });
  return new EngineError("internal", `ps: ${stderr.split("\n")[0] || cause.message}`, { cause });
}
