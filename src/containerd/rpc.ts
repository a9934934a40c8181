import { EngineError } from "../errors.ts";
import type { CallOptions } from "./call.ts";
import type { Channel, Metadata } from "./channel.ts";

export type { CallOptions };

/** What calls take that make something: the lease holds what was made until something refers to it. */
export interface WriteOptions extends CallOptions {
  readonly leaseId?: string | undefined;
}

/** What a call needs of the generated code: a way to write the request and one to read the answer. */
interface MethodDefinition {
  readonly name: string;
  // No request suits every method; `never` lets each method's own type stand here.
  readonly requestType: { encode(message: never): { finish(): Uint8Array } };
  readonly requestStream: boolean;
  readonly responseType: { decode(bytes: Uint8Array): unknown };
  readonly responseStream: boolean;
}

/** A service, as the generated code describes it. */
export interface ServiceDefinition {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

type MethodOf<S extends ServiceDefinition, Requests extends boolean, Responses extends boolean> = {
  [Name in keyof S["methods"]]: S["methods"][Name] extends { requestStream: Requests; responseStream: Responses }
    ? Name
    : never;
}[keyof S["methods"]] &
  string;

type RequestOf<M> = M extends { readonly requestType: { encode(message: infer T): unknown } } ? T : never;
type ResponseOf<M> = M extends { readonly responseType: { decode(bytes: Uint8Array): infer T } } ? T : never;

/** Both directions of a call that is open. Whoever opens it ends it, with `finish` or `cancel`. */
export interface DuplexCall<Request, Response> {
  /** Resolves once the transport takes the next message. */
  send(request: Request): Promise<void>;
  /**
   * As `send`, for a message with a large `bytes` field: its content follows the encoded message on the wire, in pieces
   * that are not copied. They must not change until the promise resolves.
   */
  sendWithBytes(request: Request, fieldNumber: number, pieces: readonly Uint8Array[]): Promise<void>;
  /** The next answer; `undefined` after the last one. */
  receive(): Promise<Response | undefined>;
  /** Says that no request follows; answers may. */
  finish(): void;
  /** Gives the call up. */
  cancel(): void;
}

/** Calls the methods of one service, in one namespace. Failures arrive as `EngineError`, whatever way they took. */
export class ServiceClient<S extends ServiceDefinition> {
  constructor(
    private readonly channel: Channel,
    private readonly definition: S,
    private readonly metadata: Metadata,
  ) {}

  /** One request, one answer. */
  async unary<Name extends MethodOf<S, false, false>>(
    name: Name,
    request: RequestOf<S["methods"][Name]>,
    options: WriteOptions = {},
  ): Promise<ResponseOf<S["methods"][Name]>> {
    const call = this.open(name, options);
    await call.send(request as never);
    call.finish();
    const response = await call.receive();
    if (response === undefined) {
      throw new EngineError("internal", `containerd did not answer ${this.definition.fullName}.${name}`);
    }
    await call.receive();
    return response as ResponseOf<S["methods"][Name]>;
  }

  /** One request, many answers. Leaving the iteration early cancels the call. */
  async *serverStream<Name extends MethodOf<S, false, true>>(
    name: Name,
    request: RequestOf<S["methods"][Name]>,
    options: WriteOptions = {},
  ): AsyncGenerator<ResponseOf<S["methods"][Name]>, void, void> {
    const call = this.open(name, options);
    try {
      await call.send(request as never);
      call.finish();
      for (let response = await call.receive(); response !== undefined; response = await call.receive()) {
        yield response as ResponseOf<S["methods"][Name]>;
      }
    } finally {
      call.cancel();
    }
  }

  /** Many requests, many answers, in whatever order the method says. */
  duplex<Name extends MethodOf<S, true, true>>(
    name: Name,
    options: WriteOptions = {},
  ): DuplexCall<RequestOf<S["methods"][Name]>, ResponseOf<S["methods"][Name]>> {
    return this.open(name, options) as DuplexCall<RequestOf<S["methods"][Name]>, ResponseOf<S["methods"][Name]>>;
  }

  private open(name: string, options: WriteOptions): DuplexCall<never, unknown> {
    const method = this.definition.methods[name] as MethodDefinition;
    const metadata = options.leaseId ? { ...this.metadata, "containerd-lease": options.leaseId } : this.metadata;
    const call = this.channel.open(`/${this.definition.fullName}/${method.name}`, metadata, options);
    return {
      send: (request) => call.send(method.requestType.encode(request).finish()),
      sendWithBytes: (request, fieldNumber, pieces) => {
        const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
        const encoded = method.requestType.encode(request).finish();
        return call.send(Buffer.concat([encoded, bytesFieldHead(fieldNumber, length)]), pieces);
      },
      receive: async () => {
        const bytes = await call.receive();
        return bytes && method.responseType.decode(bytes);
      },
      finish: () => call.finish(),
      cancel: () => call.cancel(),
    };
  }
}

/** The tag and the length that stand before the bytes of a protobuf `bytes` field. */
function bytesFieldHead(fieldNumber: number, length: number): Uint8Array {
  const lengthDelimited = 2;
  const head: number[] = [];
  for (let value of [(fieldNumber << 3) | lengthDelimited, length]) {
    for (; value > 0x7f; value >>>= 7) head.push((value & 0x7f) | 0x80);
    head.push(value);
  }
  return Uint8Array.from(head);
}
