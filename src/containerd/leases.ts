import { isEngineError } from "../errors.ts";
import type { Lease as LeaseMessage, LeasesDefinition } from "./generated/containerd/services/leases/v1/leases.ts";
import type { CallOptions, ServiceClient } from "./rpc.ts";
import { timestampToIso } from "./timestamps.ts";

const EXPIRE_LABEL = "containerd.io/gc.expire";
/** Who holds the lease, in the words of whoever connected. A lease with a name is for all who find it by that name. */
export const LEASE_OWNER_LABEL = "wharf/owner";
/** How long letting go of a lease may take when its owner is going away. */
const DISPOSE_TIMEOUT_MS = 10_000;

export interface LeaseInfo {
  readonly id: string;
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  /** See `ContainerdOptions.leaseOwner`; undefined for a lease of another client, or with a name. */
  readonly owner?: string | undefined;
}

/** Something that a lease holds. `type` is `content`, `ingests` or `snapshots/SNAPSHOTTER`. */
export interface LeaseResource {
  readonly id: string;
  readonly type: string;
}

/**
 * A lease that its owner holds: what calls with its id as `leaseId` make is spared by the garbage collector.
 * Disposing it deletes it.
 */
export class Lease implements LeaseInfo, AsyncDisposable {
  readonly id: string;
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;

  constructor(
    private readonly leases: Leases,
    info: LeaseInfo,
  ) {
    this.id = info.id;
    this.createdAt = info.createdAt;
    this.labels = info.labels;
  }

  /** Under a deadline of its own, because this also runs after the owner's signal was aborted. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.leases.delete(this.id, { timeoutMs: DISPOSE_TIMEOUT_MS });
    } catch (error) {
      // It ended by itself or with its namespace.
      if (!isEngineError(error, "not-found")) throw error;
    }
  }
}

/** containerd's Leases service. */
export class Leases {
  constructor(
    private readonly client: ServiceClient<typeof LeasesDefinition>,
    private readonly owner?: () => string,
  ) {}

  /** Without an `id` containerd chooses one. @throws EngineError `already-exists`. */
  async create(
    options: CallOptions & {
      readonly id?: string;
      /** After this time the garbage collector takes the lease, so that an owner that was killed leaves nothing. */
      readonly expiresInMs?: number;
      readonly labels?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<Lease> {
    const labels = { ...options.labels };
    if (options.expiresInMs !== undefined) {
      labels[EXPIRE_LABEL] = new Date(Date.now() + options.expiresInMs).toISOString();
    }
    if (options.id === undefined && this.owner !== undefined) labels[LEASE_OWNER_LABEL] = this.owner();
    const request = { id: options.id || randomLeaseId(), labels };
    return new Lease(this, leaseFromMessage((await this.client.unary("create", request, options)).lease));
  }

  async list(filters: readonly string[] = [], options?: CallOptions): Promise<LeaseInfo[]> {
    return (await this.client.unary("list", { filters: [...filters] }, options)).leases.map(leaseFromMessage);
  }

  /** `sync` waits until the garbage collector has freed what only this lease held. @throws EngineError `not-found`. */
  async delete(id: string, options: CallOptions & { readonly sync?: boolean } = {}): Promise<void> {
    await this.client.unary("delete", { id, sync: options.sync ?? false }, options);
  }

  async addResource(id: string, resource: LeaseResource, options?: CallOptions): Promise<void> {
    await this.client.unary("addResource", { id, resource }, options);
  }

  async deleteResource(id: string, resource: LeaseResource, options?: CallOptions): Promise<void> {
    await this.client.unary("deleteResource", { id, resource }, options);
  }

  async listResources(id: string, options?: CallOptions): Promise<LeaseResource[]> {
    return (await this.client.unary("listResources", { id }, options)).resources;
  }
}

function leaseFromMessage(lease: LeaseMessage | undefined): LeaseInfo {
  const labels = lease?.labels ?? {};
  const createdAt = timestampToIso(lease?.createdAt);
  return { id: lease?.id ?? "", createdAt, labels, owner: labels[LEASE_OWNER_LABEL] };
}

/** As containerd's own client names them: a time to read, and something unlikely. */
function randomLeaseId(): string {
  return `wharf-${Date.now()}-${Math.floor(Math.random() * 2 ** 32).toString(36)}`;
}
