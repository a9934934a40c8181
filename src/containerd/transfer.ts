import type { TransferDefinition } from "./generated/containerd/services/transfer/v1/transfer.ts";
import type { ServiceClient, WriteOptions } from "./rpc.ts";
import type { TypedMessage } from "./streaming.ts";

/** containerd's Transfer service, since containerd 1.7; `unimplemented` before. */
export class Transfer {
  constructor(private readonly client: ServiceClient<typeof TransferDefinition>) {}

  /**
   * Moves an object from one place to another inside the daemon. The places are messages of `containerd.types.transfer`;
   * `progressStream` names a stream that was opened before.
   */
  async transfer(
    source: TypedMessage,
    destination: TypedMessage,
    options: WriteOptions & { readonly progressStream?: string } = {},
  ): Promise<void> {
    const request = {
      source: { typeUrl: source.type, value: source.value },
      destination: { typeUrl: destination.type, value: destination.value },
      options: { progressStream: options.progressStream ?? "" },
    };
    await this.client.unary("transfer", request, options);
  }
}
