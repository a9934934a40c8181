import type { TaskInfo } from "../containerd/tasks.ts";
import { StoredContainer } from "../engine/containers/stored-container.ts";
import { faultPoint } from "../fault-point.ts";
import { NAMESPACE_LABEL } from "../model/container-record.ts";
import { hasUnsettledRun } from "../model/container-status.ts";
import { shimIds } from "../store/shim-process.ts";
import { containerStdio } from "./container-io.ts";
import type { ContainerRun } from "./container-run.ts";
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
  // First of all: a shim that waits for somebody at an exec's FIFOs would not answer what is asked next.
  services.leftovers.takeUp((execId) => services.execs.isOurs(execId));
  const holdings = await networks.holdings();
  const [infos, tasks] = await Promise.all([
    containerd.containers.list([`labels."${NAMESPACE_LABEL}"`]),
    containerd.tasks.list(),
  ]);
  faultPoint("recovery.listed");
  const holders = new Set([...holdings.addresses, ...holdings.attachments].map(({ containerId }) => containerId));
  const sandboxes = new Set(holdings.sandboxes.map(({ idPrefix }) => idPrefix));
  const holds = ({ id }: ContainerRun) => holders.has(id) || sandboxes.has(id.slice(0, 12));
  const shims = shimIds({ address: settings.address, namespace: containerd.namespace });
  const tasksById = new Map(tasks.map((task) => [task.containerId, task]));
  // A wharf with another data root has a supervisor of its own.
  const isOurs = ({ isOwn, record }: StoredContainer) => isOwn && record.stateDir.startsWith(`${settings.dataRoot}/`);
  const own = infos.map((info) => new StoredContainer(info)).filter(isOurs);
  const results = await Promise.allSettled(
    own.map(async (container) => {
      const run = track(container);
      const task = tasksById.get(container.id);
      if (task === undefined && holds(run) && !run.recovery.isChanging) await run.recovery.releaseLeftovers();
      if (task === undefined && shims.has(run.id) && !run.recovery.isChanging) {
        void run.recovery.endStrayShim().catch(services.onDefect);
        await reconcileIdleRun(services, run);
      } else await reconcileRun(services, run, task);
    }),
  );
  faultPoint("recovery.reconciled");
  for (const result of results) if (result.status === "rejected") services.onDefect(result.reason);
  return new Set(infos.map(({ id }) => id));
}

async function reconcileRun(services: RunServices, run: ContainerRun, task: TaskInfo | undefined): Promise<void> {
  // What is under way right now comes to its own end.
  if (run.recovery.isChanging) return;
  if (task === undefined) return await reconcileIdleRun(services, run);
  if (task.status === "created") {
    // A start was cut short between the task and its process.
    await run.recovery.discardTask();
    return await reconcileIdle(services, run);
  }
  if (task.status === "stopped" && task.exitedAt === run.recovery.state.finishedAt) {
    // The exit is written down; what was to follow has not come about.
    takeLeftOutput(services, run);
    await run.recovery.finishExit();
    return await reconcileIdle(services, run);
  }
  if (run.pid === 0) {
    const io = services.stdio.adopt(containerStdio(services.engine, run.container, services.onDefect));
    await run.recovery.adopt(task, io);
    faultPoint("recovery.process-adopted");
  }
  if (task.status === "stopped") return await unlessAwaiting(services, run, run.settle(task));
  if (run.container.state.desired === "removed") {
    await unlessAwaiting(services, run, run.remove({ force: true, volumes: run.recovery.removesVolumes }));
  }
}

async function reconcileIdleRun(services: RunServices, run: ContainerRun): Promise<void> {
  takeLeftOutput(services, run);
  await reconcileIdle(services, run);
}

/** The end of a run waits for the clients that looked on, and they are let in when all is reconciled: not before that. */
async function unlessAwaiting({ onDefect }: RunServices, run: ContainerRun, work: Promise<unknown>): Promise<void> {
  if (run.io?.awaitsViewers) void work.catch(onDefect);
  else await work;
}

/** A task that is gone may have written what nobody has taken yet: the end of its run will be told, and logs it. */
function takeLeftOutput(services: RunServices, run: ContainerRun): void {
  if (run.io !== undefined) return;
  const io = services.stdio.adopt(containerStdio(services.engine, run.container, services.onDefect));
  if (io !== undefined) run.recovery.takeOutput(io);
}

async function reconcileIdle(services: RunServices, run: ContainerRun): Promise<void> {
  const { recovery } = run;
  if (recovery.hasRestartPending) return;
  const { state } = recovery;
  const isCutShort = state.desired === "running" && state.bootId === services.bootId && !hasUnsettledRun(state);
  if (!isCutShort) return await settleIdle(services, run);
  // What is done about it waits for containerd, and nobody waits for that but who wants something of this container.
  void recovery.discardUnfinishedTask().catch(services.onDefect);
  void settleIdle(services, run).catch(services.onDefect);
}

async function settleIdle(services: RunServices, run: ContainerRun): Promise<void> {
  const { recovery, container } = run;
  const { hostConfig } = container.record;
  const { state } = recovery;
  if (state.desired === "removed" || (hostConfig.AutoRemove && state.desired !== "created")) {
    return await unlessAwaiting(services, run, recovery.finishRemoval());
  }
  if (run.pid !== 0 || hasUnsettledRun(state)) return await unlessAwaiting(services, run, recovery.settleUnseen());
  // What is meant to be still, because it was never started or a person stopped it, stays so: after a reboot as well.
  if (state.desired !== "running") return await unlessAwaiting(services, run, recovery.endOutput());
  if (state.startedAt === "") return await recovery.abandonStart();
  if (run.io !== undefined) await unlessAwaiting(services, run, recovery.endOutput());
  if (state.restartDelayMs !== undefined) {
    const pausedMs = Date.now() - Date.parse(state.finishedAt);
    // Nothing is known of the pause when the clock was set back meanwhile; then it begins anew.
    return await recovery.resumeRestart(
      pausedMs < 0 ? state.restartDelayMs : Math.max(0, state.restartDelayMs - pausedMs),
    );
  }
  // A person's start was cut short before there was a process.
  const wanted = ["always", "unless-stopped"].includes(hostConfig.RestartPolicy.Name);
  return wanted ? await recovery.resumeRestart(0) : await recovery.abandonStart();
}
