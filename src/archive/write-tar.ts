import type { TarEntry } from "./tar-entry.ts";

const BLOCK_BYTES = 512;
const TYPE_FLAGS: Readonly<Record<TarEntry["type"], string>> = { file: "0", directory: "5", link: "2" };

/** Writes entries as a tar archive in the POSIX ustar format. Names are at most 100 bytes long. */
export async function* writeTar(
  entries: AsyncIterable<TarEntry> | Iterable<TarEntry>,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const entry of entries) {
    yield header(entry);
    if (entry.type !== "file") continue;
    let written = 0;
    for await (const chunk of entry.content) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== entry.sizeBytes) {
      throw new RangeError(`${entry.name}: ${written} bytes instead of ${entry.sizeBytes}`);
    }
    yield new Uint8Array((BLOCK_BYTES - (written % BLOCK_BYTES)) % BLOCK_BYTES);
  }
  yield new Uint8Array(2 * BLOCK_BYTES);
}

function header({ name, type, target = "", sizeBytes, modifiedAt = 0 }: TarEntry): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  const path = type === "directory" ? `${name}/` : name;
  if (Buffer.byteLength(path) > 100) throw new RangeError(`name too long for a tar archive: ${path}`);
  block.write(path, 0);
  block.write(octal(type === "directory" ? 0o755 : 0o644, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  writeSize(block, sizeBytes);
  block.write(octal(modifiedAt, 12), 136);
  block.write(" ".repeat(8), 148);
  block.write(TYPE_FLAGS[type], 156);
  block.write(target, 157, 100);
  block.write("ustar\u000000", 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${octal(checksum, 7)} `, 148);
  return block;
}

/** A file of 8 GiB and more does not fit eleven octal digits: then it is binary, and the first bit says so. */
function writeSize(block: Buffer, sizeBytes: number): void {
  if (sizeBytes < 8 ** 11) {
    block.write(octal(sizeBytes, 12), 124);
  } else {
    block.writeUInt8(0x80, 124);
    block.writeBigUInt64BE(BigInt(sizeBytes), 128);
  }
}

/** A field of digits that ends in NUL. */
function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}
