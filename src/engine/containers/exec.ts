import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { ExecConfig } from "../../model/exec-config.ts";
import { isNumericUser, type ResolvedUser, resolveUser } from "../../model/user-spec.ts";
import { buildExecProcess } from "../../spec/exec-process.ts";
import type { ProcessSpec, RuntimeSpec } from "../../spec/runtime-spec.ts";
import type { ProcessIo } from "../../stdio/process-io.ts";
import type { Engine } from "../engine.ts";
import { notRunning } from "./kill.ts";
import { type StoredContainer, snapshotsOf } from "./stored-container.ts";

export interface ExecRequest {
  readonly container: StoredContainer;
  readonly execId: string;
  readonly config: ExecConfig;
  /** Undefined: the container's own. */
  readonly user: ResolvedUser | undefined;
  readonly terminal: boolean;
  readonly consoleSize?: readonly [height: number, width: number] | undefined;
  readonly io: ProcessIo;
}

/**
 * Starts one more process in a running container; its exit is for Tasks.Wait to tell, and Tasks.DeleteProcess follows.
 * When it cannot be started nothing is left of it.
 *
 * @throws EngineError `conflict` when the container does not run; `command-not-found` and `command-not-executable` in
 * the runtime's words.
 */
export async function startExec(
  engine: Pick<Engine, "containerd" | "host">,
  request: ExecRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<{ readonly pid: number }> {
  const { container, execId, terminal, io } = request;
  const { tasks } = engine.containerd;
  const spec = execProcess(engine, request);
  try {
    await tasks.exec({ containerId: container.id, execId, terminal, ...io.paths, spec }, { signal });
    faultPoint("exec.process-added");
  } catch (error) {
    if (isEngineError(error, "not-found", "failed-precondition")) throw notRunning(container);
    throw error;
  }
  try {
    return await tasks.start(container.id, execId, { signal });
  } catch (error) {
    await tasks.deleteProcess(container.id, execId).catch(() => undefined);
    throw explainExecFailure(error);
  }
}

function execProcess(
  engine: Pick<Engine, "host">,
  { container, config, user, terminal, consoleSize }: ExecRequest,
): ProcessSpec {
  return buildExecProcess({
    containerProcess: (container.info.spec as RuntimeSpec).process,
    args: config.Cmd ?? [],
    env: config.Env ?? [],
    workingDir: config.WorkingDir ?? "",
    terminal,
    consoleSize,
    privileged: config.Privileged ?? false,
    user,
    host: engine.host,
  });
}

/**
 * Looks the user of an exec up in the container's file system as it is now: somebody may have added one since the start.
 *
 * @throws EngineError `invalid-argument` for a user that the container does not know.
 */
export async function execUser(
  { containerd, store }: Pick<Engine, "containerd" | "store">,
  container: StoredContainer,
  user: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<ResolvedUser> {
  const request = { user, groupAdd: container.record.hostConfig.GroupAdd ?? [] };
  if (isNumericUser(request)) return resolveUser(request, { passwd: "", group: "" });
  const mounts = await snapshotsOf(containerd, container.info).mounts(container.info.snapshotKey, { signal });
  await using rootfs = store.openRootfs(mounts);
  const passwd = (await rootfs.readText("/etc/passwd")) ?? "";
  const group = (await rootfs.readText("/etc/group")) ?? "";
  return resolveUser(request, { passwd, group });
}

/** Why the runtime would not run the command, by its prose: see start-failure.ts. */
function explainExecFailure(error: unknown): unknown {
  if (!(error instanceof EngineError) || !error.message.includes("OCI runtime")) return error;
  const missing = /executable file not found|no such file or directory/i.test(error.message);
  const message = error.message.replace(/: unknown$/, "");
  return new EngineError(missing ? "command-not-found" : "command-not-executable", message, { cause: error });
}
