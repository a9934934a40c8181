import { Readable, type Transform } from "node:stream";
import zlib from "node:zlib";
import { EngineError } from "../errors.ts";

/** How bytes are compressed, told by how they begin. */
export type Compression = "gzip" | "zstd" | "bzip2" | "xz" | "none";

const SIGNATURES: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];
/** As many bytes as the longest signature has. */
const SIGNATURE_BYTES = 6;

/** Tells the compression from the first bytes, of which there should be six. */
export function detectCompression(head: Uint8Array): Compression {
  const found = SIGNATURES.find(([, signature]) => signature.every((byte, index) => head[index] === byte));
  return found?.[0] ?? "none";
}

/**
 * The plain bytes of a stream that may be compressed.
 *
 * @throws EngineError `invalid-argument` for damaged data; `unimplemented` for a compression that this Node lacks.
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const { head, rest } = await peek(source);
  const compression = detectCompression(head);
  if (compression === "none") {
    yield* rest;
    return;
  }
  const decompressor = decompressorOf(compression);
  const input = Readable.from(rest, { objectMode: false });
  input.on("error", (error) => decompressor.destroy(error));
  try {
    yield* input.pipe(decompressor) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith("Z")) throw error;
    throw new EngineError("invalid-argument", `damaged ${compression} data: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    input.destroy();
  }
}

function decompressorOf(compression: Exclude<Compression, "none">): Transform {
  if (compression === "gzip") return zlib.createGunzip();
  // Node knows zstd from version 22.15 on.
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };
  if (compression === "zstd" && createZstdDecompress) return createZstdDecompress();
  throw new EngineError("unimplemented", `cannot read ${compression} here: decompress the archive first`);
}

/** Reads so far that the signature is there, and gives all back. */
async function peek(
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly head: Uint8Array; readonly rest: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size < SIGNATURE_BYTES) {
    const { value, done } = await iterator.next();
    if (done) break;
    chunks.push(value);
    size += value.length;
  }
  const head = Buffer.concat(chunks);
  return { head, rest: chain(head, iterator) };
}

async function* chain(head: Uint8Array, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  try {
    if (head.length > 0) yield head;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}
