import { isEngineError } from "../errors.ts";
import type { Mount } from "../model/mount.ts";
import { type Info, Kind, type SnapshotsDefinition } from "./generated/containerd/services/snapshots/v1/snapshots.ts";
import { mountFromMessage } from "./messages.ts";
import type { CallOptions, ServiceClient, WriteOptions } from "./rpc.ts";
import { timestampToIso } from "./timestamps.ts";

export interface SnapshotInfo {
  /** The *key* of an active snapshot or view, the *name* of a committed one. */
  readonly name: string;
  readonly parent: string;
  readonly kind: "unknown" | "view" | "active" | "committed";
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface SnapshotOptions extends WriteOptions {
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * containerd's Snapshots service, bound to one snapshotter such as `overlayfs`. A snapshot is *active* (writable, has a
 * key), a *view* (read-only, has a key) or *committed* (immutable, has a name, may be a parent).
 */
export class Snapshots {
  constructor(
    private readonly client: ServiceClient<typeof SnapshotsDefinition>,
    private readonly snapshotter: string,
  ) {}

  /**
   * Creates the active snapshot `key` above the committed snapshot `parent` (`""` for an empty root) and returns the
   * mounts that show its contents.
   *
   * @throws EngineError `already-exists` if `key` is taken, `not-found` if `parent` is absent.
   */
  async prepare(key: string, parent: string, options: SnapshotOptions = {}): Promise<Mount[]> {
    const request = { snapshotter: this.snapshotter, key, parent, labels: { ...options.labels } };
    return (await this.client.unary("prepare", request, options)).mounts.map(mountFromMessage);
  }

  /** As `prepare`, but read-only. */
  async view(key: string, parent: string, options: SnapshotOptions = {}): Promise<Mount[]> {
    const request = { snapshotter: this.snapshotter, key, parent, labels: { ...options.labels } };
    return (await this.client.unary("view", request, options)).mounts.map(mountFromMessage);
  }

  /** The mounts of an active snapshot or view. @throws EngineError `not-found`. */
  async mounts(key: string, options?: CallOptions): Promise<Mount[]> {
    return (await this.client.unary("mounts", { snapshotter: this.snapshotter, key }, options)).mounts.map(
      mountFromMessage,
    );
  }

  /** Turns the active snapshot `key` into the committed snapshot `name`. @throws EngineError `already-exists`, `not-found`. */
  async commit(name: string, key: string, options: SnapshotOptions = {}): Promise<void> {
    const request = { snapshotter: this.snapshotter, name, key, labels: { ...options.labels }, parent: "" };
    await this.client.unary("commit", request, options);
  }

  /** @throws EngineError `not-found`; `failed-precondition` while other snapshots have it as their parent. */
  async remove(key: string, options?: CallOptions): Promise<void> {
    await this.client.unary("remove", { snapshotter: this.snapshotter, key }, options);
  }

  /** @throws EngineError `not-found`. */
  async stat(key: string, options?: CallOptions): Promise<SnapshotInfo> {
    return infoFromMessage((await this.client.unary("stat", { snapshotter: this.snapshotter, key }, options)).info);
  }

  /** The snapshots that match one of the filters, such as `parent==NAME` or `kind==active`; without a filter all. */
  async list(filters: readonly string[] = [], options?: CallOptions): Promise<SnapshotInfo[]> {
    const snapshots: SnapshotInfo[] = [];
    const request = { snapshotter: this.snapshotter, filters: [...filters] };
    for await (const { info } of this.client.serverStream("list", request, options)) {
      snapshots.push(...info.map(infoFromMessage));
    }
    return snapshots;
  }

  /** What the snapshot itself takes, without its parents. Walks the disk for an active one. @throws EngineError `not-found`. */
  async usage(key: string, options?: CallOptions): Promise<{ readonly sizeBytes: number; readonly inodes: number }> {
    const { size, inodes } = await this.client.unary("usage", { snapshotter: this.snapshotter, key }, options);
    return { sizeBytes: Number(size), inodes: Number(inodes) };
  }

  /** Sets the given labels and leaves the others; `""` removes a label. @throws EngineError `not-found`. */
  async updateLabels(
    key: string,
    labels: Readonly<Record<string, string>>,
    options?: WriteOptions,
  ): Promise<SnapshotInfo> {
    const request = {
      snapshotter: this.snapshotter,
      info: { name: key, parent: "", kind: Kind.UNKNOWN, labels: { ...labels } },
      updateMask: Object.keys(labels).map((label) => `labels.${label}`),
    };
    return infoFromMessage((await this.client.unary("update", request, options)).info);
  }

  /** Lets the snapshotter free what removed snapshots left behind, if it is one that leaves something. */
  async cleanup(options?: CallOptions): Promise<void> {
    try {
      await this.client.unary("cleanup", { snapshotter: this.snapshotter }, options);
    } catch (error) {
      if (!isEngineError(error, "unimplemented")) throw error;
    }
  }
}

const KINDS: Readonly<Record<Kind, SnapshotInfo["kind"]>> = {
  [Kind.UNKNOWN]: "unknown",
  [Kind.VIEW]: "view",
  [Kind.ACTIVE]: "active",
  [Kind.COMMITTED]: "committed",
};

function infoFromMessage(info: Info | undefined): SnapshotInfo {
  return {
    name: info?.name ?? "",
    parent: info?.parent ?? "",
    kind: KINDS[info?.kind ?? Kind.UNKNOWN],
    labels: info?.labels ?? {},
    createdAt: timestampToIso(info?.createdAt),
    updatedAt: timestampToIso(info?.updatedAt),
  };
}
