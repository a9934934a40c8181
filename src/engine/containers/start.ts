import type { StdioPaths } from "../../containerd/tasks.ts";
import { faultPoint } from "../../fault-point.ts";
import { type ContainerState, STATE_EXTENSION } from "../../model/container-record.ts";
import type { Mount } from "../../model/mount.ts";
import { isNumericUser, type ResolvedUser, resolveUser } from "../../model/user-spec.ts";
import { buildRuntimeSpec } from "../../spec/build-runtime-spec.ts";
import { cgroupsPathOf } from "../../spec/cgroups-path.ts";
import type { RuntimeSpec } from "../../spec/runtime-spec.ts";
import type { Engine } from "../engine.ts";
import { Rollback, together } from "../rollback.ts";
import { makeBindSources } from "./bind-sources.ts";
import { type Connection, connectNetworks, createSandbox, hasOwnNetworks } from "./connect.ts";
import { createTask, discardTask } from "./create-task.ts";
import { writeEtcFiles } from "./etc-files.ts";
import { findBlockDevices, findDevices } from "./host-devices.ts";
import { findSharedNamespaces } from "./shared-namespaces.ts";
import { type StoredContainer, snapshotsOf } from "./stored-container.ts";
import { writeState } from "./write-state.ts";

/** `none`, `host` and another container's network come without addresses of the container's own. */
const UNCONNECTED: Promise<Connection> = Promise.resolve({ endpoints: [], ports: [] });

type StartEngine = Pick<Engine, "containerd" | "networks" | "store" | "host">;

export interface StartRequest {
  readonly container: StoredContainer;
  /** The state to go on from. */
  readonly state: ContainerState;
  /** FIFOs that somebody reads already. */
  readonly stdio: StdioPaths;
  /** Identifies the present boot of the host. */
  readonly bootId: string;
}

export interface StartedContainer {
  readonly pid: number;
  readonly state: ContainerState;
}

/**
 * Starts a container's process. The runtime spec is made anew at each start: other containers' namespaces, devices and
 * users may have changed. After a failure nothing of the attempt is left: no task, namespace, address, rule or port.
 *
 * @throws EngineError of whatever step failed; what the runtime refuses is `internal`, for `explainStartFailure`.
 */
export async function startContainer(
  engine: StartEngine,
  request: StartRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<StartedContainer> {
  const { container, stdio } = request;
  const { id } = container;
  await using rollback = new Rollback();
  const { rootfs, netnsPath, spec } = await prepareStart(engine, container, rollback, { signal });
  faultPoint("start.surroundings-made");
  const intended: ContainerState = {
    ...request.state,
    desired: "running",
    bootId: request.bootId,
    netnsPath,
    endpoints: [],
    ports: [],
  };
  await writeIntent(engine, container, spec, intended, signal);
  faultPoint("start.intended");
  // The runtime sets the container up in a network namespace that is still being furnished: nothing runs in it yet.
  const [{ pid }, connection] = await together(
    makeTask(engine, { container, rootfs, stdio }, rollback, signal),
    netnsPath === "" ? UNCONNECTED : connect(engine, container, netnsPath, rollback, signal),
  );
  faultPoint("start.task-connected");
  const startedAt = new Date().toISOString();
  const begun = { startedAt, startedBefore: intended.startedAt, unsettled: true };
  const state: ContainerState = { ...intended, ...connection, ...begun };
  await together(startProcess(engine, id, signal), writeState(engine, id, state, { signal }));
  faultPoint("start.process-started");
  rollback.commit();
  return { pid, state };
}

interface Preparation {
  readonly rootfs: readonly Mount[];
  /** `""` without a network namespace of the container's own networks. */
  readonly netnsPath: string;
  readonly spec: RuntimeSpec;
}

/** Looks up, side by side, all that the runtime spec is made from, and makes it. */
async function prepareStart(
  engine: StartEngine,
  container: StoredContainer,
  rollback: Rollback,
  context: { readonly signal: AbortSignal },
): Promise<Preparation> {
  const { id, info, record } = container;
  const { hostConfig } = record;
  const rootfsMounts = snapshotsOf(engine.containerd, info).mounts(info.snapshotKey, context);
  const [rootfs, user, netnsPath, shared, etcFiles, devices, blockDevices] = await together(
    rootfsMounts,
    rootfsMounts.then((mounts) => findUser(engine, container, mounts)),
    hasOwnNetworks(hostConfig) ? createSandbox(engine, id, rollback) : Promise.resolve(""),
    findSharedNamespaces(engine, container, rollback, context),
    writeEtcFiles(engine, container, []),
    findDevices(engine, hostConfig),
    findBlockDevices(engine, hostConfig),
    makeBindSources(engine, hostConfig),
  );
  const spec = buildRuntimeSpec({
    record,
    user,
    hostname: record.config.Hostname,
    ...(netnsPath === "" ? {} : { netnsPath }),
    ...shared,
    etcFiles,
    devices,
    blockDevices,
    host: engine.host,
    cgroupsPath: cgroupsPathOf(id, hostConfig.CgroupParent, engine.host),
  });
  return { rootfs, netnsPath, spec };
}

/** The container's own user database decides; numbers alone need none. */
async function findUser(
  { store }: StartEngine,
  { record }: StoredContainer,
  rootfs: readonly Mount[],
): Promise<ResolvedUser> {
  const request = { user: record.config.User, groupAdd: record.hostConfig.GroupAdd ?? [] };
  const database = isNumericUser(request) ? { passwd: "", group: "" } : await store.readUserDatabase(rootfs);
  return resolveUser(request, database);
}

/** One write: what is to run, and that it is to run. */
async function writeIntent(
  { containerd }: StartEngine,
  { id }: StoredContainer,
  spec: RuntimeSpec,
  state: ContainerState,
  signal: AbortSignal,
): Promise<void> {
  const update = { id, spec, extensions: { [STATE_EXTENSION]: state } };
  await containerd.containers.update(update, ["spec", `extensions.${STATE_EXTENSION}`], { signal });
}

async function makeTask(
  engine: StartEngine,
  request: { readonly container: StoredContainer; readonly rootfs: readonly Mount[]; readonly stdio: StdioPaths },
  rollback: Rollback,
  signal: AbortSignal,
): Promise<{ readonly pid: number }> {
  const { container, rootfs, stdio } = request;
  const { id, record } = container;
  const task = await createTask(engine, { containerId: id, rootfs, terminal: record.config.Tty, ...stdio }, { signal });
  faultPoint("start.task-created");
  rollback.defer((undoSignal) => discardTask(engine, id, { signal: undoSignal }));
  return task;
}

async function startProcess({ containerd }: StartEngine, id: string, signal: AbortSignal): Promise<void> {
  await containerd.tasks.start(id, undefined, { signal });
  faultPoint("start.process-runs");
}

async function connect(
  engine: StartEngine,
  { id, record }: StoredContainer,
  netnsPath: string,
  rollback: Rollback,
  signal: AbortSignal,
): Promise<Connection> {
  const connection = await connectNetworks(engine, { id, record, netnsPath }, rollback, { signal });
  faultPoint("start.networks-connected");
  await writeEtcFiles(engine, { id, record }, connection.endpoints);
  return connection;
}
