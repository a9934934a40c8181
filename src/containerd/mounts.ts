import type { Mount } from "../model/mount.ts";
import type { MountsDefinition } from "./generated/containerd/services/mounts/v1/mounts.ts";
import type { ActivationInfo } from "./generated/containerd/types/mount.ts";
import { mountFromMessage, mountToMessage } from "./messages.ts";
import type { CallOptions, ServiceClient, WriteOptions } from "./rpc.ts";

/** Mounts that the daemon did on behalf of a client. */
export interface Activation {
  readonly name: string;
  /** Where the daemon mounted what it mounted. */
  readonly active: readonly { readonly mount: Mount; readonly mountPoint: string }[];
  /** What is left for the caller to mount. */
  readonly system: readonly Mount[];
  readonly labels: Readonly<Record<string, string>>;
}

/** containerd's Mounts service, since containerd 2.2; `unimplemented` before. */
export class Mounts {
  constructor(private readonly client: ServiceClient<typeof MountsDefinition>) {}

  /** @throws EngineError `already-exists` if the name is taken. */
  async activate(
    name: string,
    mounts: readonly Mount[],
    options: WriteOptions & {
      readonly labels?: Readonly<Record<string, string>>;
      /** Ends with the lease that it was made under. */
      readonly temporary?: boolean;
    } = {},
  ): Promise<Activation> {
    const request = {
      name,
      mounts: mounts.map(mountToMessage),
      labels: { ...options.labels },
      temporary: options.temporary ?? false,
    };
    return activationFromMessage((await this.client.unary("activate", request, options)).info);
  }

  /** @throws EngineError `not-found`. */
  async deactivate(name: string, options?: CallOptions): Promise<void> {
    await this.client.unary("deactivate", { name }, options);
  }

  /** @throws EngineError `not-found`. */
  async info(name: string, options?: CallOptions): Promise<Activation> {
    return activationFromMessage((await this.client.unary("info", { name }, options)).info);
  }

  async list(filters: readonly string[] = [], options?: CallOptions): Promise<Activation[]> {
    const activations: Activation[] = [];
    for await (const { info } of this.client.serverStream("list", { filters: [...filters] }, options)) {
      activations.push(activationFromMessage(info));
    }
    return activations;
  }
}

function activationFromMessage(info: ActivationInfo | undefined): Activation {
  const active = (info?.active ?? []).flatMap(({ mount, mountPoint }) =>
    mount ? [{ mount: mountFromMessage(mount), mountPoint }] : [],
  );
  return {
    name: info?.name ?? "",
    active,
    system: (info?.system ?? []).map(mountFromMessage),
    labels: info?.labels ?? {},
  };
}
