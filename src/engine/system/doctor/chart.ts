import type { TaskInfo } from "../../../containerd/tasks.ts";
import { StoredContainer } from "../../containers/stored-container.ts";
import type { Charge, Department, Ward } from "./ward.ts";

/** A container of one of containerd's namespaces, whoever made it. */
export interface ChartedContainer {
  readonly namespace: string;
  readonly container: StoredContainer;
  /** False for other clients' containers, and for those of a wharf with another data root. */
  readonly isOurs: boolean;
  readonly task: TaskInfo | undefined;
  readonly charge: Charge | undefined;
}

/** All containers and tasks at one moment, for the finders to compare with what they find. */
export class Chart {
  readonly #containers = new Map<string, ChartedContainer>();

  private constructor(
    /** The namespaces of which everything is known. Of others nothing can be said to be stale. */
    readonly departments: readonly Department[],
    /** The tasks that have no container. */
    readonly orphans: readonly (TaskInfo & { readonly namespace: string })[],
    containers: readonly ChartedContainer[],
  ) {
    for (const charted of containers) this.#containers.set(`${charted.namespace}/${charted.container.id}`, charted);
  }

  static async draw({ engine, departments }: Ward, signal: AbortSignal): Promise<Chart> {
    const all = await departments();
    const orphans: (TaskInfo & { namespace: string })[] = [];
    const charted = await Promise.all(
      all.map(async ({ namespace, charges }): Promise<ChartedContainer[]> => {
        const containerd = engine.containerd.withNamespace(namespace);
        // The tasks first: a task that is made later must not look like one without a container.
        const tasks = new Map((await containerd.tasks.list("", { signal })).map((task) => [task.containerId, task]));
        const containers = (await containerd.containers.list([], { signal })).map((info) => new StoredContainer(info));
        const ids = new Set(containers.map(({ id }) => id));
        for (const [id, task] of tasks) if (!ids.has(id)) orphans.push({ ...task, namespace });
        return containers.map((container) => ({
          namespace,
          container,
          isOurs: container.isOwn && container.record.stateDir.startsWith(`${engine.settings.dataRoot}/`),
          task: tasks.get(container.id),
          charge: charges.find(({ id }) => id === container.id),
        }));
      }),
    );
    return new Chart(all, orphans, charted.flat());
  }

  get containers(): ChartedContainer[] {
    return [...this.#containers.values()];
  }

  /** Whether everything of a namespace is on the chart. */
  covers(namespace: string): boolean {
    return this.departments.some((department) => department.namespace === namespace);
  }

  find(namespace: string, id: string): ChartedContainer | undefined {
    return this.#containers.get(`${namespace}/${id}`);
  }

  /** Whether a container of that id has, or may soon have, a process; in whichever namespace. */
  mayRun(idPrefix: string): boolean {
    const begins = (id: string) => id.startsWith(idPrefix);
    if (this.orphans.some(({ containerId }) => begins(containerId))) return true;
    const charges = this.departments.flatMap((department) => department.charges);
    if (charges.some(({ id, pid, isChanging }) => begins(id) && (pid !== 0 || isChanging))) return true;
    return this.containers.some(({ container, task }) => begins(container.id) && task !== undefined);
  }

  /** Clears away what a container had that does not run. If it still exists, it is kept from starting meanwhile. */
  async whileIdle(containerId: string, work: () => Promise<unknown>): Promise<void> {
    const charge = this.departments.flatMap(({ charges }) => charges).find(({ id }) => id === containerId);
    if (charge === undefined) await work();
    else await charge.whileIdle(work);
  }

  /** Whether containerd has a container of that id, in whichever namespace. */
  knows(idPrefix: string): boolean {
    return this.containers.some(({ container }) => container.id.startsWith(idPrefix));
  }
}

/** Why what a run of a container had is stale, as the end of a sentence. */
export function reasonOf(chart: Chart, containerId: string): string {
  const short = containerId.slice(0, 12);
  return chart.knows(containerId) ? `container ${short} does not run` : `container ${short} is gone`;
}
