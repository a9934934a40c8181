/**
 * The Engine API's way to send two outputs over one connection: each chunk is preceded by eight bytes, the stream's
 * number, three zeros and the chunk's length, big endian. A terminal has one output and needs none of this.
 */
export type FrameStream = "stdin" | "stdout" | "stderr" | "error";

const STREAMS: readonly FrameStream[] = ["stdin", "stdout", "stderr", "error"];
const HEADER_LENGTH = 8;

/** The header of a chunk. */
export function frameHeader(stream: FrameStream, length: number): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  header[0] = STREAMS.indexOf(stream);
  header.writeUInt32BE(length, 4);
  return header;
}

/**
 * Takes a multiplexed connection apart. Chunks are handed on as they come, a frame in as many pieces as the
 * connection delivers, so a large frame is never collected.
 */
export class FrameReader {
  readonly #onChunk: (stream: FrameStream, chunk: Buffer) => void;
  readonly #header = Buffer.alloc(HEADER_LENGTH);
  #headerBytes = 0;
  #stream: FrameStream = "stdout";
  #remaining = 0;

  constructor(onChunk: (stream: FrameStream, chunk: Buffer) => void) {
    this.#onChunk = onChunk;
  }

  push(data: Buffer): void {
    let offset = 0;
    while (offset < data.length) {
      if (this.#remaining > 0) {
        const chunk = data.subarray(offset, offset + this.#remaining);
        this.#remaining -= chunk.length;
        offset += chunk.length;
        this.#onChunk(this.#stream, chunk);
        continue;
      }
      const copied = data.copy(this.#header, this.#headerBytes, offset);
      offset += copied;
      this.#headerBytes += copied;
      if (this.#headerBytes < HEADER_LENGTH) return;
      this.#headerBytes = 0;
      this.#stream = STREAMS[this.#header[0] ?? 1] ?? "stdout";
      this.#remaining = this.#header.readUInt32BE(4);
    }
  }
}
