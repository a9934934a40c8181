import { EngineError } from "../errors.ts";
import type { Descriptor } from "../model/descriptor.ts";
import {
  type ContentDefinition,
  WriteAction,
  type WriteContentRequest,
  type WriteContentResponse,
} from "./generated/containerd/services/content/v1/content.ts";
import type { DuplexCall, ServiceClient, WriteOptions } from "./rpc.ts";

/** Chunks are gathered to messages of this size: each costs us, and containerd, a handful of wake-ups and an answer. */
const MESSAGE_BYTES = 512 * 1024;
/** How far the writer may run ahead of what containerd has confirmed. */
const WINDOW_BYTES = 1024 * 1024;
/** The field number of `WriteContentRequest.data`. */
const DATA_FIELD = 6;

export interface WriterOptions extends WriteOptions {
  /** What the blob will be. containerd then refuses at once what it has already. */
  readonly descriptor?: Descriptor | undefined;
  /** Labels that the blob gets at its commit. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * Writes one ingest. Messages are sent without waiting for the answer to the one before, a bounded number of bytes
 * ahead; a failure shows in whichever call comes next. Lives as long as the call it holds: `close` it, or let
 * `await using` do so.
 */
export class ContentWriter {
  private sentOffset: number;
  private confirmedOffset: number;
  private answersMissing = 0;
  /** A message that is not full yet. */
  private gathered: Buffer | undefined;
  private gatheredBytes = 0;

  constructor(
    private readonly call: DuplexCall<WriteContentRequest, WriteContentResponse>,
    private readonly ref: string,
    private readonly options: WriterOptions,
    offset: number,
  ) {
    this.sentOffset = offset;
    this.confirmedOffset = offset;
  }

  /** Bytes that the ingest holds or that are on their way: where the next chunk belongs. */
  get offset(): number {
    return this.sentOffset + this.gatheredBytes;
  }

  /** Appends a chunk. Resolves when the next may come, and when the caller may change this one. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let start = 0; start < chunk.length; ) {
      const piece = chunk.subarray(start, start + MESSAGE_BYTES - this.gatheredBytes);
      start += piece.length;
      if (this.gatheredBytes === 0 && piece.length >= MESSAGE_BYTES / 2) {
        await this.sendMessage(piece);
        continue;
      }
      this.gathered ??= Buffer.allocUnsafeSlow(MESSAGE_BYTES);
      this.gathered.set(piece, this.gatheredBytes);
      this.gatheredBytes += piece.length;
      if (this.gatheredBytes === MESSAGE_BYTES) await this.sendGathered();
    }
  }

  /** Resolves when containerd has confirmed all that was written, so that an interruption does not lose it. */
  async flush(): Promise<void> {
    if (this.gatheredBytes > 0) await this.sendGathered();
    await this.confirm(0);
  }

  /**
   * Lets containerd check size and digest and makes the blob visible.
   *
   * @throws EngineError `already-exists` when somebody else was faster; `failed-precondition` when size or digest
   * differ from what was written.
   */
  async commit(blob: {
    readonly size?: number | undefined;
    readonly digest?: string | undefined;
    readonly labels?: Readonly<Record<string, string>> | undefined;
  }): Promise<{ readonly digest: string }> {
    await this.flush();
    const { descriptor } = this.options;
    await this.call.send({
      ...this.emptyRequest(),
      action: WriteAction.COMMIT,
      total: BigInt(blob.size ?? descriptor?.size ?? 0),
      expected: blob.digest ?? descriptor?.digest ?? "",
      offset: BigInt(this.sentOffset),
      labels: { ...this.options.labels, ...blob.labels },
    });
    const { digest } = await this.answer();
    this.call.finish();
    await this.call.receive();
    return { digest };
  }

  /** Gives the ingest back. Its bytes stay in the store for whoever resumes it. */
  close(): void {
    this.call.cancel();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  private async sendGathered(): Promise<void> {
    const message = this.gathered?.subarray(0, this.gatheredBytes) ?? new Uint8Array();
    this.gatheredBytes = 0;
    await this.sendMessage(message);
  }

  /** Resolves when the kernel has the message. */
  private async sendMessage(data: Uint8Array): Promise<void> {
    const offset = this.sentOffset;
    this.sentOffset += data.length;
    await this.confirm(WINDOW_BYTES);
    this.answersMissing++;
    const head = { ...this.emptyRequest(), action: WriteAction.WRITE, offset: BigInt(offset) };
    await this.call.sendWithBytes(head, DATA_FIELD, [data]);
  }

  /** Reads answers until at most `bytesAhead` bytes are not confirmed. */
  private async confirm(bytesAhead: number): Promise<void> {
    while (this.answersMissing > 0 && this.sentOffset - this.confirmedOffset > bytesAhead) {
      const { offset } = await this.answer();
      this.confirmedOffset = Number(offset);
      this.answersMissing--;
    }
  }

  private async answer(): Promise<WriteContentResponse> {
    const response = await this.call.receive();
    if (!response) throw new EngineError("internal", `containerd ended the write of ${this.ref} before its commit`);
    return response;
  }

  private emptyRequest(): WriteContentRequest {
    return emptyRequest(this.ref);
  }
}

/** Starts the call, and learns how much of the ingest is there already. */
export async function openContentWriter(
  client: ServiceClient<typeof ContentDefinition>,
  ref: string,
  options: WriterOptions,
): Promise<ContentWriter> {
  const call = client.duplex("write", options);
  try {
    await call.send({
      ...emptyRequest(ref),
      total: BigInt(options.descriptor?.size ?? 0),
      expected: options.descriptor?.digest ?? "",
    });
    const status = await call.receive();
    if (!status) throw new EngineError("internal", `containerd did not open the ingest ${ref}`);
    return new ContentWriter(call, ref, options, Number(status.offset));
  } catch (error) {
    call.cancel();
    throw error;
  }
}

function emptyRequest(ref: string): WriteContentRequest {
  return { action: WriteAction.STAT, ref, total: 0n, expected: "", offset: 0n, data: new Uint8Array(), labels: {} };
}
