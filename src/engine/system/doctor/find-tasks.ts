import { join } from "node:path";
import { isEngineError } from "../../../errors.ts";
import { findTask } from "../../containers/stored-container.ts";
import type { Finder, Finding } from "./finding.ts";
import type { Ward } from "./ward.ts";

const SIGKILL = 9;
/** Any runtime of containerd's second shim interface will do: the shim is running already. */
const STAND_IN_RUNTIME = "io.containerd.runc.v2";

/** Processes of containers that are gone, and runs of which the supervisor and containerd do not think alike. */
export const findTasks: Finder = async (ward, chart) => {
  const { containerd, settings } = ward.engine;
  const ours = (path: string) => path.startsWith(`${join(settings.runRoot, "containers")}/`);
  const orphans = chart.orphans.filter(({ stdout }) => ours(stdout));
  const findings: Finding[] = orphans.map(({ namespace, containerId, pid }) => ({
    kind: "task",
    object: containerId,
    namespace,
    why: `process ${pid} runs on though its container has been removed`,
    remedy: "kill and remove it",
    mend: (signal) => endTask({ containerd: containerd.withNamespace(namespace) }, containerId, signal),
  }));
  for (const { namespace, container, isOurs, task, charge } of chart.containers) {
    if (!isOurs || charge?.isChanging) continue;
    const department = chart.departments.find((each) => each.namespace === namespace);
    const lives = task !== undefined && task.status !== "stopped";
    const supervised = charge !== undefined && charge.pid !== 0;
    if (lives === supervised && (task === undefined || lives)) continue;
    findings.push({
      kind: "task",
      object: container.id,
      namespace,
      why: lives
        ? `container ${container.name} runs and nobody supervises it`
        : `container ${container.name} has ended and nobody noticed`,
      remedy: lives ? "let the supervisor take it up" : "settle its exit",
      mend: async () => department?.reconcile(),
    });
  }
  return findings;
};

/**
 * Ends a task that has no container. containerd looks its container up before it touches a task, so for that long there
 * is one of that id again, which has nothing but the id.
 */
async function endTask(
  { containerd }: Pick<Ward["engine"], "containerd">,
  containerId: string,
  signal: AbortSignal,
): Promise<void> {
  const { containers, tasks } = containerd;
  await containers.create({ id: containerId, runtime: { name: STAND_IN_RUNTIME }, spec: {} }, { signal });
  try {
    await tasks.resume(containerId, { signal }).catch(() => undefined);
    await tasks.kill(containerId, { signal: SIGKILL, all: true }, { signal }).catch(forgive);
    await tasks.wait(containerId, undefined, { signal }).catch(forgive);
    // The supervisor, which sees the end too, may be deleting it at the same time: then it only has to be gone.
    await tasks.delete(containerId, { signal }).catch(async (error: unknown) => {
      if (await findTask({ containerd }, containerId, { signal })) throw error;
    });
  } finally {
    await containers.delete(containerId).catch(forgive);
  }
}

/** A supervisor that saw the process end may have been faster. */
function forgive(error: unknown): void {
  if (!isEngineError(error, "not-found")) throw error;
}
