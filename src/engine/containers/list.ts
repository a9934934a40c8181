import type { ImageRecord } from "../../containerd/images.ts";
import type { TaskInfo } from "../../containerd/tasks.ts";
import { formatStatus } from "../../model/container-status.ts";
import type { ContainerSummary } from "../../model/container-view.ts";
import { Filters } from "../../model/filters.ts";
import { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { compileFilters, type FilterSubject, impliesAll } from "./container-filters.ts";
import { noSuchContainer } from "./resolve.ts";
import { measureSize } from "./size.ts";
import { StoredContainer } from "./stored-container.ts";
import { viewMounts, viewNetworks, viewPorts } from "./views.ts";

export interface ListRequest {
  /** Also those that do not run. */
  readonly all?: boolean;
  /** The newest so many, whether they run or not. */
  readonly limit?: number;
  readonly size?: boolean;
  readonly filters?: Filters;
}

/**
 * The containers of the namespace as docker lists them, newest first: three calls to containerd, side by side, however
 * many there are; with `size`, some more for each that is shown.
 *
 * @throws EngineError `invalid-argument` for a filter that does not exist; `not-found` for a container that `before` or
 * `since` names and that does not.
 */
export async function listContainers(
  engine: Pick<Engine, "containerd">,
  { all = false, limit = 0, size = false, filters = Filters.none }: ListRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<ContainerSummary[]> {
  const { containerd } = engine;
  const [infos, tasks, images] = await Promise.all([
    containerd.containers.list([], { signal }),
    containerd.tasks.list("", { signal }),
    containerd.images.list([], { signal }),
  ]);
  const containers = infos.map((info) => new StoredContainer(info)).sort(newestFirst);
  const matches = compileFilters(filters, {
    before: filters.values("before").map((name) => findContainer(containers, name).info.createdAt),
    since: filters.values("since").map((name) => findContainer(containers, name).info.createdAt),
    ancestorImageIds: ancestorIds(filters.values("ancestor"), containers, images),
  });
  const tasksById = new Map(tasks.map((task) => [task.containerId, task]));
  const targets = new Map(images.map((image) => [image.name, image.target.digest]));
  const shown = containers
    .map((container) => ({ container, subject: summarize(container, tasksById.get(container.id), targets) }))
    .filter(({ subject }) => all || limit > 0 || impliesAll(filters) || subject.running)
    .filter(({ subject }) => matches(subject))
    .slice(0, limit > 0 ? limit : undefined);
  return await Promise.all(
    shown.map(async ({ container, subject: { summary } }) => {
      const measured = size ? await measureSize(engine, container, { signal }) : undefined;
      return measured === undefined ? summary : { ...summary, SizeRw: measured.rw, SizeRootFs: measured.rootfs };
    }),
  );
}

function summarize(
  container: StoredContainer,
  task: TaskInfo | undefined,
  targets: ReadonlyMap<string, string>,
): FilterSubject {
  const { record } = container;
  const view = container.viewState(task);
  const annotations = record.hostConfig.Annotations;
  const alive = view.Running && !view.Restarting;
  const summary: ContainerSummary = {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: shownImage(container, targets),
    ImageID: record.image.id,
    Command: shownCommand(record.argv),
    Created: createdSeconds(container),
    Ports: alive ? viewPorts(container) : [],
    Labels: record.config.Labels,
    State: view.Status,
    Status: formatStatus(view, Date.now()),
    HostConfig: {
      NetworkMode: record.hostConfig.NetworkMode,
      ...(annotations === undefined ? {} : { Annotations: annotations }),
    },
    NetworkSettings: { Networks: viewNetworks(container, alive) },
    Mounts: viewMounts(record),
  };
  return {
    summary,
    createdAt: container.info.createdAt,
    running: view.Running,
    exitCode: view.ExitCode,
    hasRun: view.Status !== "created",
    health: view.Health?.Status ?? "none",
  };
}

/** The image as the user named it; its id once that name means another image, or none. */
function shownImage({ record }: StoredContainer, targets: ReadonlyMap<string, string>): string {
  const { reference, id, target } = record.image;
  if (id === "" || targets.get(reference) === target) return record.config.Image;
  return id;
}

function ancestorIds(
  names: readonly string[],
  containers: readonly StoredContainer[],
  images: readonly ImageRecord[],
): Set<string> {
  const ids = new Set<string>();
  if (names.length === 0) return ids;
  for (const { record } of containers) {
    const { reference, id, target } = record.image;
    const named = images.filter((image) => image.target.digest === target).map((image) => image.name);
    if (names.some((name) => isImageName(name, [reference, ...named], id))) ids.add(id);
  }
  return ids;
}

/** True when a user who says `name` means one of the references, or the id. */
function isImageName(name: string, references: readonly string[], id: string): boolean {
  const hex = name.replace(/^sha256:/, "");
  if (/^[0-9a-f]{4,64}$/.test(hex) && id.startsWith(`sha256:${hex}`)) return true;
  try {
    return references.includes(Reference.parse(name).withDefaultTag().toString());
  } catch {
    return false;
  }
}

function findContainer(containers: readonly StoredContainer[], nameOrId: string): StoredContainer {
  const wanted = nameOrId.replace(/^\//, "");
  const found =
    containers.find(({ id, name }) => id === wanted || name === wanted) ??
    containers.find(({ id }) => id.startsWith(wanted));
  if (found === undefined) throw noSuchContainer(nameOrId);
  return found;
}

/** The command line in one text; an argument that has a space is quoted. */
function shownCommand([path = "", ...args]: readonly string[]): string {
  return [path, ...args.map((arg) => (arg.includes(" ") ? `'${arg}'` : arg))].join(" ");
}

function createdSeconds({ info }: StoredContainer): number {
  return Math.floor(Date.parse(info.createdAt) / 1000);
}

function newestFirst(a: StoredContainer, b: StoredContainer): number {
  return a.info.createdAt < b.info.createdAt ? 1 : -1;
}
