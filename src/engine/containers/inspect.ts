import type { TaskInfo } from "../../containerd/tasks.ts";
import type { RestartRecord } from "../../model/container-record.ts";
import type { ContainerInspect, RestartView } from "../../model/container-view.ts";
import type { Mount } from "../../model/mount.ts";
import type { Engine } from "../engine.ts";
import { resolveContainer } from "./resolve.ts";
import { type ContainerSize, measureSize } from "./size.ts";
import { findTask, type StoredContainer, snapshotsOf } from "./stored-container.ts";
import { viewMounts, viewNetworkSettings } from "./views.ts";

export interface InspectRequest {
  readonly nameOrId: string;
  /** Also measure `SizeRw` and `SizeRootFs`. */
  readonly size?: boolean;
}

/**
 * Docker's complete view of one container; of one that another client made, what containerd knows of it.
 *
 * @throws EngineError `not-found`; `invalid-argument` for an ambiguous prefix.
 */
export async function inspectContainer(
  engine: Pick<Engine, "containerd">,
  { nameOrId, size = false }: InspectRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<ContainerInspect> {
  const container = await resolveContainer(engine, nameOrId, { signal });
  const [task, mounts, sizes] = await Promise.all([
    findTask(engine, container.id, { signal }),
    // A container whose snapshot was taken away can still be looked at.
    snapshotsOf(engine.containerd, container.info)
      .mounts(container.info.snapshotKey, { signal })
      .catch((): Mount[] => []),
    size ? measureSize(engine, container, { signal }) : undefined,
  ]);
  return viewContainer(container, { task, mounts, sizes });
}

interface Surroundings {
  readonly task: TaskInfo | undefined;
  readonly mounts: readonly Mount[];
  readonly sizes: ContainerSize | undefined;
}

function viewContainer(container: StoredContainer, { task, mounts, sizes }: Surroundings): ContainerInspect {
  const { id, info, name, record, state } = container;
  const stateView = container.viewState(task);
  const [path = "", ...args] = record.argv;
  const stateFile = (file: string) => (record.stateDir === "" ? "" : `${record.stateDir}/${file}`);
  return {
    Id: id,
    Created: info.createdAt,
    Path: path,
    Args: args,
    State: stateView,
    Image: record.image.id,
    ResolvConfPath: stateFile("resolv.conf"),
    HostnamePath: stateFile("hostname"),
    HostsPath: stateFile("hosts"),
    LogPath: record.logPath,
    Name: `/${name}`,
    RestartCount: state.restartCount,
    ...(state.restarts === undefined ? {} : { RestartHistory: state.restarts.map(viewRestart) }),
    Driver: info.snapshotter,
    Platform: record.platform.split("/")[0] ?? "",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: null,
    HostConfig: {
      ...record.hostConfig,
      Cgroup: "",
      CpuCount: 0,
      CpuPercent: 0,
      IOMaximumIOps: 0,
      IOMaximumBandwidth: 0,
    },
    GraphDriver: { Data: overlayDirectories(id, mounts), Name: info.snapshotter },
    ...(sizes === undefined ? {} : { SizeRw: sizes.rw, SizeRootFs: sizes.rootfs }),
    Mounts: viewMounts(record),
    Config: { ...record.config, OnBuild: null },
    NetworkSettings: viewNetworkSettings(container, stateView.Running && !stateView.Restarting),
  };
}

function viewRestart({ time, reason, exitCode, oomKilled }: RestartRecord): RestartView {
  return { Time: time, Reason: reason, ExitCode: exitCode, OOMKilled: oomKilled };
}

/** Docker's `GraphDriver.Data` of an overlay; null for other snapshotters. `MergedDir` exists while it is mounted. */
function overlayDirectories(id: string, mounts: readonly Mount[]): Record<string, string> | null {
  const overlay = mounts.find((mount) => mount.type === "overlay");
  if (overlay === undefined) return null;
  const option = (name: string) =>
    overlay.options.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  return { ID: id, LowerDir: option("lowerdir"), UpperDir: option("upperdir"), WorkDir: option("workdir") };
}
