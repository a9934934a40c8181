import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Lease } from "../../containerd/leases.ts";
import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { ContainerConfig, CreateBody, HostConfig } from "../../model/container-config.ts";
import {
  type ContainerRecord,
  HOSTNAME_LABEL,
  NAME_LABEL,
  NAMESPACE_LABEL,
  NETWORKS_LABEL,
  PLATFORM_LABEL,
  RECORD_EXTENSION,
  SNAPSHOT_CONTAINER_LABEL,
  STATE_DIR_LABEL,
  STATE_EXTENSION,
} from "../../model/container-record.ts";
import { INITIAL_STATE } from "../../model/container-status.ts";
import type { Mount } from "../../model/mount.ts";
import { formatPlatform, type Platform } from "../../model/platform.ts";
import { Reference } from "../../model/reference.ts";
import { buildRuntimeSpec } from "../../spec/build-runtime-spec.ts";
import { cgroupsPathOf } from "../../spec/cgroups-path.ts";
import { argvOf, mergeImageConfig } from "../../spec/merge-image-config.ts";
import type { RuntimeSpec } from "../../spec/runtime-spec.ts";
import type { Engine } from "../engine.ts";
import type { ResolvedImage } from "../images/image-content.ts";
import { findRecord } from "../images/record.ts";
import { noSuchImage, resolveImage } from "../images/resolve.ts";
import { ensureUnpacked } from "../images/unpack.ts";
import { LEASE_TERM_MS } from "../lease-term.ts";
import { Rollback, together } from "../rollback.ts";
import { checkCreateBody } from "./check-create.ts";
import { hasOwnNetworks, wantedEndpoints } from "./connect.ts";
import type { ContainerNames } from "./names.ts";
import { decideMounts, keepMadeVolumes, makeMounts } from "./prepare-mounts.ts";
import { resolveContainer } from "./resolve.ts";
import { containerdRuntime } from "./runtime.ts";
import { resolveSharing, settleHostConfig } from "./settle-host-config.ts";
import { sharedContainerOf } from "./shared-namespaces.ts";
import { StoredContainer } from "./stored-container.ts";
import { networkNameOf } from "./views.ts";

const LEASE_LINGER_MS = 500;
/** containerd takes a label whose key and value together are no longer. */
const LONGEST_LABEL_BYTES = 4096;

export type CreateEngine = Pick<Engine, "containerd" | "store" | "host"> & { readonly names: ContainerNames };

export interface CreateRequest {
  readonly body: CreateBody;
  /** 64 hex digits. Absent: chosen at random. */
  readonly id?: string | undefined;
  /** Absent: one of docker's random names. */
  readonly name?: string | undefined;
  /** Absent: the host's. */
  readonly platform?: Platform | undefined;
}

export interface CreatedContainer {
  readonly container: StoredContainer;
  /** What docker warns of, in its words. */
  readonly warnings: readonly string[];
}

/**
 * Makes a container: its snapshot, volumes and record. It appears in containerd all at once, by the last step; when one
 * fails, what the others made is undone, and a lease sees to it even if this process is killed.
 *
 * @throws EngineError `not-found` when the image is not here; `conflict` when the name is taken; `invalid-argument`.
 */
export async function createContainer(
  engine: CreateEngine,
  { body, name, platform, id = randomBytes(32).toString("hex") }: CreateRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<CreatedContainer> {
  const { containerd, host } = engine;
  const warnings = checkCreateBody(body, host);
  const runtime = containerdRuntime(body.HostConfig.Runtime, host);
  await using rollback = new Rollback();
  const [image, reservation, hostConfig, lease] = await together(
    resolveImage(engine, body.Image, { platform, signal }),
    reserveName(engine.names, name, id, rollback, signal),
    resolveSharing(engine, settleHostConfig(body.HostConfig, host), { signal }),
    createLease(engine, rollback, signal),
  );
  const config = await settleConfig(engine, { id, body: { ...body, HostConfig: hostConfig }, image }, { signal });
  const argv = argvOf(config);
  const planned = await decideMounts(engine, { ...body, ...config, HostConfig: hostConfig }, { signal });
  const rootfs = prepareSnapshot(engine, { id, image, leaseId: lease.id }, rollback, signal);
  const [, mounts] = await together(rootfs, makeMounts(engine, planned, { containerId: id, rootfs }, rollback));
  faultPoint("create.mounts-made");
  const stateDir = engine.store.containerFiles.directory(id);
  const record: ContainerRecord = {
    config,
    hostConfig,
    endpoints: byNetworkName(body.NetworkingConfig.EndpointsConfig),
    image: {
      reference: image.record.name,
      id: image.configDigest,
      target: image.record.target.digest,
    },
    platform: formatPlatform(image.config),
    argv,
    mounts,
    logPath: hostConfig.LogConfig.Type === "none" ? "" : join(stateDir, `${id}-json.log`),
    stateDir,
  };
  const info = await containerd.containers.create(
    {
      id,
      labels: labelsOf(record, { name: reservation.name, namespace: containerd.namespace }),
      image: record.image.reference,
      runtime,
      spec: provisionalSpec(engine, id, record),
      snapshotter: containerd.snapshotter,
      snapshotKey: id,
      extensions: { [RECORD_EXTENSION]: record, [STATE_EXTENSION]: INITIAL_STATE },
    },
    { leaseId: lease.id, signal },
  );
  faultPoint("create.recorded");
  await keepMadeVolumes(engine, mounts);
  rollback.commit();
  reservation[Symbol.dispose]();
  releaseLater(lease);
  return { container: new StoredContainer(info), warnings };
}

async function reserveName(
  names: ContainerNames,
  name: string | undefined,
  id: string,
  rollback: Rollback,
  signal: AbortSignal,
) {
  const reservation = await names.reserve(name, id, signal);
  faultPoint("create.name-reserved");
  rollback.defer(async () => reservation[Symbol.dispose]());
  return reservation;
}

async function createLease({ containerd }: CreateEngine, rollback: Rollback, signal: AbortSignal): Promise<Lease> {
  const lease = await containerd.leases.create({ expiresInMs: LEASE_TERM_MS, signal });
  faultPoint("create.leased");
  rollback.defer(() => lease[Symbol.asyncDispose]());
  return lease;
}

/** The container holds its snapshot from now on, and the lease may go: not just when the container is being started. */
function releaseLater(lease: Lease): void {
  setTimeout(() => void lease[Symbol.asyncDispose]().catch(() => undefined), LEASE_LINGER_MS).unref();
}

/** Takes for granted that the image is unpacked, as it is after a pull, and unpacks it only when it is not. */
async function prepareSnapshot(
  { containerd }: CreateEngine,
  { id, image, leaseId }: { readonly id: string; readonly image: ResolvedImage; readonly leaseId: string },
  rollback: Rollback,
  signal: AbortSignal,
): Promise<readonly Mount[]> {
  const labels = { [SNAPSHOT_CONTAINER_LABEL]: id };
  const prepare = () => containerd.snapshots.prepare(id, image.chainId, { labels, leaseId, signal });
  const mounts = await prepare().catch(async (error: unknown) => {
    if (!isEngineError(error, "not-found")) throw error;
    await unpackAgain({ containerd }, image, signal);
    return await prepare();
  });
  faultPoint("create.snapshot-prepared");
  rollback.defer((undoSignal) => containerd.snapshots.remove(id, { signal: undoSignal }));
  return mounts;
}

/** Unpacks an image that is not; it may be gone since it was resolved, or have lost content to somebody's hand. */
async function unpackAgain(
  engine: Pick<Engine, "containerd">,
  image: ResolvedImage,
  signal: AbortSignal,
): Promise<void> {
  try {
    await ensureUnpacked(engine, image, { signal });
  } catch (error) {
    if (!isEngineError(error, "not-found")) throw error;
    const { name } = image.record;
    if ((await findRecord(engine, name, { signal })) === undefined) throw noSuchImage(name);
    throw new EngineError("failed-precondition", `image ${Reference.parse(name).familiar()} is incomplete here`, {
      cause: error,
      hint: "pull it again",
    });
  }
}

/** Lays the container's configuration over the image's, and finds out what it calls itself. */
async function settleConfig(
  engine: CreateEngine,
  { id, body, image }: { readonly id: string; readonly body: CreateBody; readonly image: ResolvedImage },
  context: { readonly signal: AbortSignal },
): Promise<ContainerConfig> {
  const { HostConfig: hostConfig, NetworkingConfig: _, ...own } = body;
  const config = mergeImageConfig(own, image.config.config);
  return { ...config, Hostname: config.Hostname || (await hostnameFor(engine, id, hostConfig, context)) };
}

async function hostnameFor(
  engine: CreateEngine,
  id: string,
  { NetworkMode }: HostConfig,
  context: { readonly signal: AbortSignal },
): Promise<string> {
  if (NetworkMode === "host") return engine.host.hostname;
  const sharer = sharedContainerOf(NetworkMode);
  // A container that does not exist yet may by the time of the start; until then the name is the usual one.
  const shared = sharer && (await resolveContainer(engine, sharer, context).catch(() => undefined));
  return shared ? shared.record.config.Hostname : id.slice(0, 12);
}

/** docker's command line calls the default network `default`, and everybody else `bridge`. */
function byNetworkName(endpoints: ContainerRecord["endpoints"]): ContainerRecord["endpoints"] {
  return Object.fromEntries(Object.entries(endpoints).map(([name, settings]) => [networkNameOf(name), settings]));
}

/** What other clients read; wharf itself reads the record. */
function labelsOf(
  record: ContainerRecord,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): Record<string, string> {
  const { config, hostConfig, platform, stateDir } = record;
  const fits = ([key, value]: [string, string]) =>
    Buffer.byteLength(key) + Buffer.byteLength(value) <= LONGEST_LABEL_BYTES;
  const networks = hasOwnNetworks(hostConfig)
    ? wantedEndpoints(record).map(([network]) => network)
    : [hostConfig.NetworkMode];
  return {
    ...Object.fromEntries(Object.entries(config.Labels).filter(fits)),
    [NAME_LABEL]: name,
    [NAMESPACE_LABEL]: namespace,
    [HOSTNAME_LABEL]: config.Hostname,
    [NETWORKS_LABEL]: JSON.stringify(networks),
    [PLATFORM_LABEL]: platform,
    [STATE_DIR_LABEL]: stateDir,
  };
}

/**
 * A spec for those who look at the container before its first start, which makes the one that counts: users, devices
 * and namespaces are looked up then.
 */
function provisionalSpec({ host }: CreateEngine, id: string, record: ContainerRecord): RuntimeSpec {
  return buildRuntimeSpec({
    record,
    user: { uid: 0, gid: 0, additionalGids: [], home: "/" },
    hostname: record.config.Hostname,
    sharedNamespaces: {},
    etcFiles: {},
    devices: [],
    blockDevices: {},
    host,
    cgroupsPath: cgroupsPathOf(id, record.hostConfig.CgroupParent, host),
  });
}
