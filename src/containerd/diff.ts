import type { Descriptor } from "../model/descriptor.ts";
import type { Mount } from "../model/mount.ts";
import type { DiffDefinition } from "./generated/containerd/services/diff/v1/diff.ts";
import { descriptorFromMessage, descriptorToMessage, mountToMessage } from "./messages.ts";
import type { ServiceClient, WriteOptions } from "./rpc.ts";

export interface DiffOptions extends WriteOptions {
  readonly mediaType?: string | undefined;
  /** Name of the ingest; `""` lets containerd choose one. */
  readonly ref?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** containerd's Diff service: layers, applied to mounts or computed from them, inside the daemon. */
export class Diff {
  constructor(private readonly client: ServiceClient<typeof DiffDefinition>) {}

  /**
   * Unpacks a layer on the mounts of an active snapshot. Returns the descriptor of the uncompressed layer; its digest
   * is the *diff ID*.
   *
   * @throws EngineError `not-found` when the layer is not in the content store.
   */
  async apply(layer: Descriptor, mounts: readonly Mount[], options?: WriteOptions): Promise<Descriptor> {
    const request = {
      diff: descriptorToMessage(layer),
      mounts: mounts.map(mountToMessage),
      payloads: {},
      syncFs: false,
    };
    return descriptorFromMessage((await this.client.unary("apply", request, options)).applied);
  }

  /** Writes what `right` has changed against `left` into the content store, as a layer. */
  async diff(left: readonly Mount[], right: readonly Mount[], options: DiffOptions = {}): Promise<Descriptor> {
    const request = {
      left: left.map(mountToMessage),
      right: right.map(mountToMessage),
      mediaType: options.mediaType ?? "",
      ref: options.ref ?? "",
      labels: { ...options.labels },
    };
    return descriptorFromMessage((await this.client.unary("diff", request, options)).diff);
  }
}
