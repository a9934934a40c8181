import type { TaskInfo } from "../containerd/tasks.ts";
import { StoredContainer } from "../engine/containers/stored-container.ts";
import { faultPoint } from "../fault-point.ts";
import { NAMESPACE_LABEL } from "../model/container-record.ts";
import { containerStdio } from "./container-io.ts";
import type { ContainerRun } from "./container-run.ts";
import { wantsStartAtRecovery } from "./restarts.ts";
import type { RunServices } from "./run-services.ts";

/**
 * Brings what is known of a namespace's containers in line with containerd: takes up the processes that run, settles the
 * exits that nobody saw, finishes the removals that were interrupted, and starts what is owed a restart. Done when a
 * supervisor starts and when containerd comes back; doing it again changes nothing.
 *
 * A container that cannot be brought in line does not keep the others from it. Returns the ids of all containers of
 * the namespace.
 */
export async function reconcile(
  services: RunServices,
  track: (container: StoredContainer) => ContainerRun,
): Promise<ReadonlySet<string>> {
  const { containerd, networks, settings } = services.engine;
  const holdings = await networks.holdings();
  const [infos, tasks] = await Promise.all([
    containerd.containers.list([`labels."${NAMESPACE_LABEL}"`]),
    containerd.tasks.list(),
  ]);
  faultPoint("recovery.listed");
  const holders = new Set([...holdings.addresses, ...holdings.attachments].map(({ containerId }) => containerId));
  const sandboxes = new Set(holdings.sandboxes.map(({ idPrefix }) => idPrefix));
  const holds = ({ id }: ContainerRun) => holders.has(id) || sandboxes.has(id.slice(0, 12));
  const tasksById = new Map(tasks.map((task) => [task.containerId, task]));
  // A wharf with another data root has a supervisor of its own.
  const isOurs = ({ isOwn, record }: StoredContainer) => isOwn && record.stateDir.startsWith(`${settings.dataRoot}/`);
  const own = infos.map((info) => new StoredContainer(info)).filter(isOurs);
  const results = await Promise.allSettled(
    own.map(async (container) => {
      const run = track(container);
      const task = tasksById.get(container.id);
      if (task === undefined && holds(run) && !run.recovery.isChanging) await run.recovery.releaseLeftovers();
      await reconcileRun(services, run, task);
    }),
  );
  faultPoint("recovery.reconciled");
  for (const result of results) if (result.status === "rejected") services.onDefect(result.reason);
  return new Set(infos.map(({ id }) => id));
}

async function reconcileRun(services: RunServices, run: ContainerRun, task: TaskInfo | undefined): Promise<void> {
  // What is under way right now comes to its own end.
  if (run.recovery.isChanging) return;
  if (task === undefined) return await reconcileIdle(services, run);
  if (task.status === "created") {
    // A start was cut short between the task and its process.
    await run.recovery.discardTask();
    return await reconcileIdle(services, run);
  }
  if (run.pid === 0) {
    const io = services.stdio.adopt(containerStdio(services.engine, run.container, services.onDefect));
    await run.recovery.adopt(task.pid, { paused: task.status === "paused", io });
    services.execs.adopt(run.id);
    faultPoint("recovery.process-adopted");
  }
  if (task.status === "stopped") return await run.settle(task);
  const { record, state } = run.container;
  if (state.desired === "removed") {
    await run.remove({ force: true, volumes: record.hostConfig.AutoRemove });
  }
}

async function reconcileIdle({ bootId }: RunServices, run: ContainerRun): Promise<void> {
  if (run.recovery.hasRestartPending) return;
  const { record, state } = run.container;
  const hasRun = state.startedAt !== "";
  if (state.desired === "removed" || (record.hostConfig.AutoRemove && state.desired !== "created")) {
    return await run.recovery.finishRemoval();
  }
  const interrupted = run.pid !== 0 || (state.desired === "running" && hasRun);
  if (interrupted) return await run.recovery.settleUnseen();
  if (state.desired === "running") return await run.recovery.abandonStart();
  const exit = { ...state, ranMs: 0, interrupted, rebooted: hasRun && state.bootId !== bootId };
  if (wantsStartAtRecovery(record.hostConfig.RestartPolicy, exit)) run.recovery.scheduleRestart(0);
}
