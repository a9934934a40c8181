import { packJson, SPEC_TYPE, unpackJson } from "./any.ts";
import type { Container, ContainersDefinition } from "./generated/containerd/services/containers/v1/containers.ts";
import type { Any } from "./generated/google/protobuf/any.ts";
import type { CallOptions, ServiceClient, WriteOptions } from "./rpc.ts";
import { packRuncOptions, type RuncOptions, unpackRuncOptions } from "./runc-options.ts";
import { timestampToIso } from "./timestamps.ts";

export interface Runtime {
  /** The shim, such as `io.containerd.runc.v2`. */
  readonly name: string;
  readonly options?: RuncOptions | undefined;
}

/** What a caller says about a container; containerd adds the times. */
export interface NewContainer {
  readonly id: string;
  /** A key and its value may have 4096 bytes together. containerd drops a label whose value is empty. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly runtime?: Runtime;
  /** The OCI runtime spec; travels as JSON. */
  readonly spec?: unknown;
  readonly snapshotter?: string;
  readonly snapshotKey?: string;
  /** Data of ours, of any size; travel as JSON. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** A container's record. The JSON within is read when it is asked for, so that a long list costs little. */
export class ContainerInfo {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly snapshotter: string;
  readonly snapshotKey: string;
  readonly sandboxId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** The extensions' names. */
  readonly extensionNames: readonly string[];
  private readonly message: Container;

  constructor(message: Container) {
    this.message = message;
    this.id = message.id;
    this.labels = message.labels;
    this.image = message.image;
    this.snapshotter = message.snapshotter;
    this.snapshotKey = message.snapshotKey;
    this.sandboxId = message.sandbox;
    this.createdAt = timestampToIso(message.createdAt);
    this.updatedAt = timestampToIso(message.updatedAt);
    this.extensionNames = Object.keys(message.extensions);
  }

  get runtime(): Runtime {
    const { name = "", options } = this.message.runtime ?? {};
    return { name, options: unpackRuncOptions(options) };
  }

  /** The OCI runtime spec; `undefined` when there is none that can be read. Parsed at each call. */
  get spec(): unknown {
    return unpackJson(this.message.spec);
  }

  /** All extensions that hold JSON. Parsed at each call. */
  get extensions(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.extensionNames.map((name) => [name, this.extension(name)]));
  }

  /** One extension; `undefined` when it is absent or holds no JSON. Parsed at each call. */
  extension(name: string): unknown {
    return unpackJson(this.message.extensions[name]);
  }
}

/** containerd's Containers service: records of what could run. A *task* is the running thing. */
export class Containers {
  constructor(private readonly client: ServiceClient<typeof ContainersDefinition>) {}

  /** @throws EngineError `not-found`. */
  async get(id: string, options?: CallOptions): Promise<ContainerInfo> {
    const { container } = await this.client.unary("get", { id }, options);
    return new ContainerInfo(container ?? containerToMessage({ id }));
  }

  /**
   * The containers that match one of the filters, such as `labels."KEY"==VALUE`; without a filter all. Comes as a
   * stream, because a single answer may not be larger than the daemon's limit of 16 MB.
   */
  async list(filters: readonly string[] = [], options?: CallOptions): Promise<ContainerInfo[]> {
    const request = { filters: [...filters] };
    const containers: ContainerInfo[] = [];
    for await (const { container } of this.client.serverStream("listStream", request, options)) {
      if (container) containers.push(new ContainerInfo(container));
    }
    return containers;
  }

  /** @throws EngineError `already-exists`; `invalid-argument`, for example for labels that are too long. */
  async create(container: NewContainer, options?: WriteOptions): Promise<ContainerInfo> {
    const request = { container: containerToMessage(container) };
    const response = await this.client.unary("create", request, options);
    return new ContainerInfo(response.container ?? request.container);
  }

  /**
   * Replaces exactly the fields that `fieldPaths` name: `labels`, `labels.KEY`, `spec`, `image`, `snapshot_key`,
   * `extensions`, `extensions.NAME`. A label or extension that is named and not given is removed.
   *
   * @throws EngineError `not-found`; `invalid-argument` for a field that can not change.
   */
  async update(container: NewContainer, fieldPaths: readonly string[], options?: WriteOptions): Promise<ContainerInfo> {
    const request = { container: containerToMessage(container), updateMask: [...fieldPaths] };
    const response = await this.client.unary("update", request, options);
    return new ContainerInfo(response.container ?? request.container);
  }

  /** The record alone; its task and snapshot are the caller's. @throws EngineError `not-found`. */
  async delete(id: string, options?: CallOptions): Promise<void> {
    await this.client.unary("delete", { id }, options);
  }
}

function containerToMessage(container: NewContainer): Container {
  return {
    id: container.id,
    labels: { ...container.labels },
    image: container.image ?? "",
    runtime: container.runtime && {
      name: container.runtime.name,
      options: container.runtime.options && packRuncOptions(container.runtime.options),
    },
    spec: container.spec === undefined ? undefined : packJson(SPEC_TYPE, container.spec),
    snapshotter: container.snapshotter ?? "",
    snapshotKey: container.snapshotKey ?? "",
    extensions: packExtensions(container.extensions ?? {}),
    sandbox: "",
  };
}

function packExtensions(extensions: Readonly<Record<string, unknown>>): Record<string, Any> {
  return Object.fromEntries(Object.entries(extensions).map(([name, value]) => [name, packJson(name, value)]));
}
