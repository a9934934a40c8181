import { Channel, type Metadata } from "./channel.ts";
import { Containers } from "./containers.ts";
import { Content } from "./content.ts";
import { Diff } from "./diff.ts";
import { Events } from "./events.ts";
import { ContainersDefinition } from "./generated/containerd/services/containers/v1/containers.ts";
import { ContentDefinition } from "./generated/containerd/services/content/v1/content.ts";
import { DiffDefinition } from "./generated/containerd/services/diff/v1/diff.ts";
import { EventsDefinition } from "./generated/containerd/services/events/v1/events.ts";
import { ImagesDefinition } from "./generated/containerd/services/images/v1/images.ts";
import { IntrospectionDefinition } from "./generated/containerd/services/introspection/v1/introspection.ts";
import { LeasesDefinition } from "./generated/containerd/services/leases/v1/leases.ts";
import { MountsDefinition } from "./generated/containerd/services/mounts/v1/mounts.ts";
import { NamespacesDefinition } from "./generated/containerd/services/namespaces/v1/namespaces.ts";
import { ControllerDefinition, StoreDefinition } from "./generated/containerd/services/sandbox/v1/sandbox.ts";
import { SnapshotsDefinition } from "./generated/containerd/services/snapshots/v1/snapshots.ts";
import { StreamingDefinition } from "./generated/containerd/services/streaming/v1/streaming.ts";
import { TasksDefinition } from "./generated/containerd/services/tasks/v1/tasks.ts";
import { TransferDefinition } from "./generated/containerd/services/transfer/v1/transfer.ts";
import { VersionDefinition } from "./generated/containerd/services/version/v1/version.ts";
import { Images } from "./images.ts";
import { Introspection } from "./introspection.ts";
import { Leases } from "./leases.ts";
import { Mounts } from "./mounts.ts";
import { Namespaces } from "./namespaces.ts";
import { type CallOptions, ServiceClient, type ServiceDefinition } from "./rpc.ts";
import { Sandboxes } from "./sandboxes.ts";
import { Snapshots } from "./snapshots.ts";
import { Streaming } from "./streaming.ts";
import { Tasks } from "./tasks.ts";
import { Transfer } from "./transfer.ts";

/** Which containerd, and what in it. */
export interface ContainerdOptions {
  /** Path of its socket. */
  readonly address: string;
  readonly namespace: string;
  readonly snapshotter: string;
  /** Written on every lease without a name of its own, to tell later whether anybody still holds it. */
  readonly leaseOwner?: () => string;
  /** How long it may give no sign of life while calls are open; 30 seconds unless said otherwise. */
  readonly patienceMs?: number | undefined;
}

/** A client of the containerd at the address. Does no I/O; the first call connects. */
export function connectContainerd(options: ContainerdOptions): Containerd {
  const channel = new Channel(options.address, options.patienceMs);
  return new Containerd(channel, options.namespace, options.snapshotter, options.leaseOwner);
}

/**
 * containerd's services, seen from one namespace and with one snapshotter. All calls share one connection; whoever
 * connected closes it. Calls fail with an `EngineError`: `unavailable` when containerd does not run, `unimplemented`
 * when it is too old for the call, and what the methods say themselves.
 */
export class Containerd implements AsyncDisposable {
  readonly images: Images;
  readonly content: Content;
  readonly snapshots: Snapshots;
  readonly diff: Diff;
  readonly leases: Leases;
  readonly containers: Containers;
  readonly tasks: Tasks;
  readonly events: Events;
  readonly namespaces: Namespaces;
  readonly introspection: Introspection;
  readonly transfer: Transfer;
  readonly sandboxes: Sandboxes;
  readonly streaming: Streaming;
  readonly mounts: Mounts;
  private readonly metadata: Metadata;

  constructor(
    private readonly channel: Channel,
    readonly namespace: string,
    readonly snapshotter: string,
    private readonly leaseOwner?: () => string,
  ) {
    this.metadata = { "containerd-namespace": namespace, "containerd-namespace-ttrpc": namespace };
    this.images = new Images(this.service(ImagesDefinition));
    this.content = new Content(this.service(ContentDefinition));
    this.snapshots = new Snapshots(this.service(SnapshotsDefinition), snapshotter);
    this.diff = new Diff(this.service(DiffDefinition));
    this.leases = new Leases(this.service(LeasesDefinition), leaseOwner);
    this.containers = new Containers(this.service(ContainersDefinition));
    this.tasks = new Tasks(this.service(TasksDefinition));
    this.events = new Events(this.service(EventsDefinition));
    this.namespaces = new Namespaces(this.service(NamespacesDefinition));
    this.introspection = new Introspection(this.service(IntrospectionDefinition));
    this.transfer = new Transfer(this.service(TransferDefinition));
    this.sandboxes = new Sandboxes(this.service(StoreDefinition), this.service(ControllerDefinition));
    this.streaming = new Streaming(this.service(StreamingDefinition));
    this.mounts = new Mounts(this.service(MountsDefinition));
  }

  /** The same containerd over the same connection, seen from another namespace. */
  withNamespace(namespace: string, snapshotter = this.snapshotter): Containerd {
    return new Containerd(this.channel, namespace, snapshotter, this.leaseOwner);
  }

  /** containerd's version. Also the cheapest way to see whether it runs. */
  async version(options?: CallOptions): Promise<{ readonly version: string; readonly revision: string }> {
    return await this.service(VersionDefinition).unary("version", {}, options);
  }

  /** Ends the connection and every call on it. */
  close(): void {
    this.channel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  private service<S extends ServiceDefinition>(definition: S): ServiceClient<S> {
    return new ServiceClient(this.channel, definition, this.metadata);
  }
}
