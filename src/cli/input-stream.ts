import { EngineError } from "../errors.ts";

/** No password is as long. */
const MAX_BYTES = 1 << 20;

/** All that a stream holds, as text. @throws EngineError `out-of-range` for more than a megabyte. */
export async function readInput(stream: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_BYTES) throw new EngineError("out-of-range", "stdin holds more than a password");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}
