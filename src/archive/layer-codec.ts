import { Readable, type Transform } from "node:stream";
import zlib from "node:zlib";
import { EngineError } from "../errors.ts";
import { type Compression, decompress, detectCompression } from "./decompress.ts";

/** How a layer may be written. */
export type LayerCompression = "none" | "gzip" | "zstd";

export interface CompressOptions {
  /** Of gzip 1 to 9, of zstd 1 to 22; the format's usual one without it. */
  readonly level?: number | undefined;
}

/** Turns layers from one form into another. */
export interface LayerCodec {
  /** Tells the compression from the first bytes, of which there should be six. */
  detect(head: Uint8Array): Compression;
  /** The plain bytes of a stream in whatever compression. @throws EngineError `invalid-argument` for damaged data. */
  decompress(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** @throws EngineError `unimplemented` for a compression that this Node lacks. */
  compress(
    source: AsyncIterable<Uint8Array>,
    compression: LayerCompression,
    options?: CompressOptions,
  ): AsyncIterable<Uint8Array>;
}

export const layerCodec: LayerCodec = { detect: detectCompression, decompress, compress };

async function* compress(
  source: AsyncIterable<Uint8Array>,
  compression: LayerCompression,
  options: CompressOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  if (compression === "none") {
    yield* source;
    return;
  }
  const compressor = compressorOf(compression, options);
  const input = Readable.from(source, { objectMode: false });
  input.on("error", (error) => compressor.destroy(error));
  try {
    yield* input.pipe(compressor) as AsyncIterable<Uint8Array>;
  } finally {
    input.destroy();
  }
}

function compressorOf(compression: "gzip" | "zstd", { level }: CompressOptions): Transform {
  if (compression === "gzip") return zlib.createGzip(level === undefined ? {} : { level });
  // Node knows zstd from version 22.15 on.
  const { createZstdCompress, constants } = zlib as unknown as {
    createZstdCompress?: (options: object) => Transform;
    constants: Record<string, number>;
  };
  if (createZstdCompress === undefined) {
    throw new EngineError("unimplemented", "cannot write zstd here: this Node is older than 22.15");
  }
  const key = constants.ZSTD_c_compressionLevel;
  return createZstdCompress(level === undefined || key === undefined ? {} : { params: { [key]: level } });
}
