/** What a body is gathered in: one message to containerd. */
const BLOCK_BYTES = 512 * 1024;
/** While so many blocks wait for their reader, the server is not read from. */
const BLOCKS_AHEAD = 2;
/** A body that nobody wants and that ends within so many bytes is waited for: that is cheaper than a new connection. */
const DISCARD_BYTES = 128 * 1024;

/** How the transport is told to wait, to go on, and to give up. */
export interface BodyControl {
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

interface Block {
  readonly bytes: Buffer;
  length: number;
}

/**
 * The body of one answer, between a transport that brings bytes and one reader. The bytes are copied into blocks that
 * are used again and again: a pull moves gigabytes, and memory that is claimed and let go for each read costs more than
 * the copy. For the same reason a chunk belongs to its reader only until the next one is asked for.
 */
export class Body implements AsyncIterable<Buffer> {
  private readonly blocks: Block[] = [];
  private readonly free: Buffer[] = [];
  private ended = false;
  private failure: Error | undefined;
  private wake: (() => void) | undefined;
  /** Set once nobody wants the bytes: how many more are waited for. */
  private discardable: number | undefined;

  constructor(private readonly control: BodyControl) {}

  /** Takes bytes that the caller may change afterwards. */
  push(chunk: Uint8Array): void {
    if (this.discardable !== undefined) {
      this.discardable -= chunk.length;
      if (this.discardable < 0) this.control.abort(new Error("the rest of the answer is not wanted"));
      return;
    }
    for (let start = 0; start < chunk.length; ) {
      const block = this.blockWithRoom();
      const piece = chunk.subarray(start, start + BLOCK_BYTES - block.length);
      block.bytes.set(piece, block.length);
      block.length += piece.length;
      start += piece.length;
    }
    if (this.blocks.length >= BLOCKS_AHEAD) this.control.pause();
    this.wake?.();
  }

  /** Nothing follows: all is here, or the transport failed. */
  end(failure?: Error): void {
    this.ended = true;
    this.failure ??= failure;
    this.wake?.();
  }

  /** The bytes as they arrive, in chunks that are valid until the next one is asked for. Leaving early ends the transfer. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    try {
      for (;;) {
        const block = this.blocks.shift();
        if (block) {
          yield block.bytes.subarray(0, block.length);
          this.free.push(block.bytes);
          if (this.blocks.length < BLOCKS_AHEAD) this.control.resume();
        } else if (this.ended) {
          if (this.failure) throw this.failure;
          return;
        } else {
          await this.change();
        }
      }
    } finally {
      if (!this.ended) this.control.abort(new Error("the answer was not read to its end"));
    }
  }

  /** Lets go of a body that nobody reads. @throws Error when the transport fails before its end. */
  async discard(): Promise<void> {
    this.discardable = DISCARD_BYTES - this.blocks.reduce((sum, { length }) => sum + length, 0);
    this.blocks.length = 0;
    this.control.resume();
    while (!this.ended) await this.change();
    if (this.failure && this.discardable >= 0) throw this.failure;
  }

  private blockWithRoom(): Block {
    const last = this.blocks.at(-1);
    if (last && last.length < BLOCK_BYTES) return last;
    const block = { bytes: this.free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES), length: 0 };
    this.blocks.push(block);
    return block;
  }

  private async change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    this.wake = undefined;
  }
}
