import { randomUUID } from "node:crypto";
import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import { chainIds } from "../../model/chain-id.ts";
import type { ContainerConfig } from "../../model/container-config.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { applyChanges } from "../../model/image-changes.ts";
import { type ImageConfig, type ImageRunConfig, parseImageConfig } from "../../model/image-config.ts";
import { isLayerType, MediaType, parseManifest } from "../../model/manifest.ts";
import { asLayers } from "../../model/mount.ts";
import { parsePlatform } from "../../model/platform.ts";
import type { Reference } from "../../model/reference.ts";
import { type StoredContainer, snapshotsOf } from "../containers/stored-container.ts";
import type { Engine } from "../engine.ts";
import { LEASE_TERM_MS } from "../lease-term.ts";
import { namelessName } from "./catalog.ts";
import { holdContent } from "./hold-content.ts";
import { readImageContent } from "./image-content.ts";
import { parentOfConfig } from "./labels.ts";
import { recordImage } from "./record.ts";
import { storeImage } from "./store-image.ts";
import type { StoredLayer } from "./store-layer.ts";
import { ensureUnpacked } from "./unpack.ts";

export interface CommitRequest {
  readonly container: StoredContainer;
  /** Absent: the image gets no name. */
  readonly reference: Reference | undefined;
  readonly author: string;
  readonly comment: string;
  /** Dockerfile instructions, see `applyChanges`. */
  readonly changes: readonly string[];
}

type Committer = Pick<Engine, "containerd">;

interface CommitContext {
  readonly leaseId: string;
  readonly signal: AbortSignal;
}

const CLEANUP_TIMEOUT_MS = 10_000;

/**
 * Makes an image of what a container has changed in its root file system, on the image that it was made from, and
 * returns its ID. Its run defaults are the container's. Works also when that image, or blobs of it, are gone: what is
 * missing is made anew of the snapshots that the container stands on.
 *
 * @throws EngineError `invalid-argument` for a change that is none; `not-found` when the container's snapshot is gone.
 */
export async function commitContainer(
  engine: Committer,
  { container, reference, author, comment, changes }: CommitRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<string> {
  const { containerd } = engine;
  const { record, info } = container;
  const runConfig = applyChanges(runConfigOf(record.config), changes);
  await using lease = await containerd.leases.create({ expiresInMs: LEASE_TERM_MS, signal });
  const context: CommitContext = { leaseId: lease.id, signal };
  const snapshots = snapshotsOf(containerd, info);
  const { parent } = await snapshots.stat(info.snapshotKey, { signal });
  const base = await readBase(engine, container, parent, context);
  faultPoint("commit.base-read");
  const top = await diffLayer(engine, container, { key: info.snapshotKey, parent }, context);
  faultPoint("commit.layer-stored");
  const created = new Date().toISOString();
  const layers = [...base.layers, top];
  const config: ImageConfig = {
    ...base.config,
    created,
    ...(author === "" ? {} : { author }),
    config: runConfig,
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: [
      ...(base.config.history ?? []),
      {
        created,
        created_by: record.argv.join(" "),
        ...(author === "" ? {} : { author }),
        ...(comment === "" ? {} : { comment }),
      },
    ],
  };
  const descriptors = layers.map(({ descriptor }) => descriptor);
  const { target, configDigest } = await storeImage(containerd.content, { config, layers: descriptors }, context);
  await ensureUnpacked(engine, await readImageContent(containerd.content, target, { signal }), {
    snapshotter: info.snapshotter || undefined,
    signal,
  });
  faultPoint("commit.unpacked");
  const name = reference?.toString() ?? namelessName(target.digest);
  await recordImage(engine, { name, target }, { signal });
  return configDigest;
}

/** docker keeps what a container was run with, and its host name and terminal not. */
function runConfigOf(config: ContainerConfig): ImageRunConfig {
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, StopSignal, Healthcheck } = config;
  return {
    ...(User && { User }),
    ...(ExposedPorts && { ExposedPorts }),
    ...(Env && { Env }),
    ...(Entrypoint && { Entrypoint }),
    ...(Cmd && { Cmd }),
    ...(Volumes && { Volumes }),
    ...(WorkingDir && { WorkingDir }),
    ...(Object.keys(Labels ?? {}).length > 0 && { Labels }),
    ...(StopSignal && { StopSignal }),
    ...(Healthcheck && { Healthcheck }),
  };
}

interface Base {
  readonly config: ImageConfig;
  readonly layers: readonly StoredLayer[];
}

/** The image below the container, its layers made anew where they are missing. */
async function readBase(
  engine: Committer,
  container: StoredContainer,
  parent: string,
  context: CommitContext,
): Promise<Base> {
  const found = await findManifest(engine, container.record.image.id, context);
  const chain = found && chainIds(found.config.rootfs.diff_ids);
  if (found && (chain?.at(-1) ?? "") === parent) {
    const layers: StoredLayer[] = [];
    for (const [index, { descriptor, diffId }] of found.layers.entries()) {
      if (await holds(engine, descriptor, context)) layers.push({ descriptor: ociLayer(descriptor), diffId });
      else {
        const step = { key: chain?.[index] ?? "", parent: chain?.[index - 1] ?? "" };
        layers.push(await diffLayer(engine, container, step, context));
      }
    }
    return { config: found.config, layers };
  }
  const platform = parsePlatform(container.record.platform || "linux", { os: "linux", architecture: "amd64" });
  const config = { ...platform, config: {}, rootfs: { type: "layers", diff_ids: [] } };
  return { config, layers: await diffChain(engine, container, parent, context) };
}

/** The manifest that has this config. Undefined when either of them is gone. */
async function findManifest(
  { containerd }: Committer,
  configDigest: string,
  { leaseId, signal }: CommitContext,
): Promise<{ readonly config: ImageConfig; readonly layers: readonly StoredLayer[] } | undefined> {
  const { content } = containerd;
  const [manifest] = await content.list([parentOfConfig(configDigest)], { signal });
  if (manifest === undefined || !(await content.has(configDigest, { signal }))) return undefined;
  try {
    await holdContent(containerd, manifest.digest, { leaseId, signal });
    const layers = parseManifest(await content.readAll(manifest.digest, { signal })).layers.filter(({ mediaType }) =>
      isLayerType(mediaType),
    );
    const config = parseImageConfig(await content.readAll(configDigest, { signal }));
    if (layers.length !== config.rootfs.diff_ids.length) return undefined;
    return {
      config,
      layers: layers.map((descriptor, index) => ({ descriptor, diffId: config.rootfs.diff_ids[index] ?? "" })),
    };
  } catch (error) {
    if (isEngineError(error, "not-found")) return undefined;
    throw error;
  }
}

/** Puts a blob under the lease if it is here. */
async function holds(
  { containerd }: Committer,
  { digest }: Descriptor,
  { leaseId, signal }: CommitContext,
): Promise<boolean> {
  // Held first, so that what is found stays.
  await holdContent(containerd, digest, { leaseId, signal });
  return await containerd.content.has(digest, { signal });
}

const OCI_LAYER_TYPES: Readonly<Record<string, string>> = {
  [MediaType.dockerLayer]: MediaType.ociLayer,
  [MediaType.dockerLayerGzip]: MediaType.ociLayerGzip,
};

/** The bytes are the same, whichever family names them. */
function ociLayer({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType: OCI_LAYER_TYPES[mediaType] ?? mediaType, digest, size };
}

/** A layer for each snapshot, the bottom one first. */
async function diffChain(
  engine: Committer,
  container: StoredContainer,
  top: string,
  context: CommitContext,
): Promise<StoredLayer[]> {
  const steps: { readonly key: string; readonly parent: string }[] = [];
  const snapshots = snapshotsOf(engine.containerd, container.info);
  for (let key = top; key !== ""; ) {
    const { parent } = await snapshots.stat(key, context);
    steps.unshift({ key, parent });
    key = parent;
  }
  const layers: StoredLayer[] = [];
  for (const step of steps) layers.push(await diffLayer(engine, container, step, context));
  return layers;
}

/** What a snapshot has changed against the one below, as a layer. */
async function diffLayer(
  { containerd }: Committer,
  { info }: StoredContainer,
  { key, parent }: { readonly key: string; readonly parent: string },
  { leaseId, signal }: CommitContext,
): Promise<StoredLayer> {
  const snapshots = snapshotsOf(containerd, info);
  await using views = new Views(snapshots, { leaseId, signal });
  const left = parent === "" ? [] : await views.open(parent);
  // An active snapshot is looked at as if it were finished: a container that runs has it mounted for writing.
  const right = key === info.snapshotKey ? asLayers(await snapshots.mounts(key, { signal })) : await views.open(key);
  const descriptor = await containerd.diff.diff(left, right, {
    mediaType: MediaType.ociLayerGzip,
    ref: `wharf-commit-${randomUUID()}`,
    leaseId,
    signal,
  });
  const { labels } = await containerd.content.info(descriptor.digest, { signal });
  const diffId = labels["containerd.io/uncompressed"];
  if (diffId === undefined) {
    throw new EngineError("internal", `containerd does not say what layer ${descriptor.digest} is uncompressed`);
  }
  const { digest, size } = descriptor;
  return { descriptor: { mediaType: MediaType.ociLayerGzip, digest, size }, diffId };
}

/** Views of snapshots, which are removed when nobody looks any more. What a killed process leaves goes with its lease. */
export class Views implements AsyncDisposable {
  private readonly keys: string[] = [];

  constructor(
    private readonly snapshots: Engine["containerd"]["snapshots"],
    private readonly context: CommitContext,
  ) {}

  async open(name: string) {
    const key = `wharf-view-${randomUUID()}`;
    const mounts = await this.snapshots.view(key, name, this.context);
    this.keys.push(key);
    return mounts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const key of this.keys) {
      await this.snapshots.remove(key, { timeoutMs: CLEANUP_TIMEOUT_MS }).catch((error: unknown) => {
        if (!(error instanceof EngineError)) throw error;
      });
    }
  }
}
