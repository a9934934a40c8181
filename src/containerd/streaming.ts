import { StreamInit, type StreamingDefinition } from "./generated/containerd/services/streaming/v1/streaming.ts";
import type { Any } from "./generated/google/protobuf/any.ts";
import type { CallOptions, ServiceClient } from "./rpc.ts";

/** A message of any type: its name and its bytes on the wire. */
export interface TypedMessage {
  readonly type: string;
  readonly value: Uint8Array;
}

/** A named stream between a client and the daemon, which other calls refer to. Lives until it is closed. */
export interface MessageStream extends AsyncIterable<TypedMessage>, AsyncDisposable {
  send(message: TypedMessage): Promise<void>;
  /** Says that nothing follows from this side. */
  finish(): void;
  close(): void;
}

/** containerd's Streaming service, since containerd 1.7; `unimplemented` before. */
export class Streaming {
  constructor(private readonly client: ServiceClient<typeof StreamingDefinition>) {}

  /** Opens the stream `id`, a name of the caller's choice. */
  async open(id: string, options?: CallOptions): Promise<MessageStream> {
    const call = this.client.duplex("stream", options);
    const send = ({ type, value }: TypedMessage): Promise<void> => call.send({ typeUrl: type, value });
    const receive = async (): Promise<Any | undefined> => await call.receive();
    try {
      const value = StreamInit.encode({ id }).finish();
      await send({ type: "containerd.services.streaming.v1.StreamInit", value });
      await receive();
    } catch (error) {
      call.cancel();
      throw error;
    }
    return {
      send,
      finish: () => call.finish(),
      close: () => call.cancel(),
      async *[Symbol.asyncIterator]() {
        for (let message = await receive(); message; message = await receive()) {
          yield { type: message.typeUrl.slice(message.typeUrl.lastIndexOf("/") + 1), value: message.value };
        }
      },
      async [Symbol.asyncDispose]() {
        call.cancel();
      },
    };
  }
}
