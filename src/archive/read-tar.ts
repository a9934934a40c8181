import { posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import tar from "tar-stream";
import { EngineError } from "../errors.ts";
import type { TarEntry } from "./tar-entry.ts";

/**
 * Reads the members of a tar archive one after the other. What the caller leaves of a member's content is skipped.
 *
 * @throws EngineError `invalid-argument` for what is no archive, ends too early, or names a path outside of itself.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry, void, void> {
  const extract = tar.extract();
  // A failure destroys the extractor, which then throws it from the iteration below.
  const feeding = pipeline(Readable.from(source, { objectMode: false }), extract).catch(() => {});
  try {
    for await (const member of extract) {
      const content = new MemberContent(member);
      const entry = toEntry(member.header, content);
      if (entry) yield entry;
      await content.skip();
    }
  } catch (error) {
    throw translate(error);
  } finally {
    extract.destroy();
    await feeding;
  }
}

/** A member's bytes. Leaving off in the middle does not end the member, as it would with its stream. */
class MemberContent implements AsyncIterable<Uint8Array> {
  private readonly iterator: AsyncIterator<Uint8Array>;

  constructor(member: unknown) {
    this.iterator = (member as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.next() };
  }

  /** Reads what is left. */
  async skip(): Promise<void> {
    while (!(await this.next()).done);
  }

  private async next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.iterator.next();
    } catch (error) {
      throw translate(error);
    }
  }
}

function toEntry(header: tar.Header, content: AsyncIterable<Uint8Array>): TarEntry | undefined {
  const { type, size = 0, linkname } = header;
  const name = cleanPath(header.name);
  // A header can name more bytes than there are numbers for; nobody has an archive of that.
  if (!Number.isSafeInteger(size)) throw new EngineError("invalid-argument", `invalid size in the archive: ${name}`);
  if (type === "file" || type === "contiguous-file") return { name, type: "file", sizeBytes: size, content };
  if (type === "directory") return { name, type, sizeBytes: 0, content };
  if (type === "symlink" && linkname) {
    return { name, type: "link", target: cleanPath(posix.join(posix.dirname(name), linkname)), sizeBytes: 0, content };
  }
  if (type === "link" && linkname) return { name, type, target: cleanPath(linkname), sizeBytes: 0, content };
  return undefined;
}

/** Members are looked up by name and never become paths of this machine; still, one that wants to is refused. */
function cleanPath(path: string): string {
  const clean = posix.normalize(path).replace(/^\/+/, "").replace(/\/$/, "");
  if (clean === ".." || clean.startsWith("../")) {
    throw new EngineError("invalid-argument", `invalid path in the archive: ${JSON.stringify(path)}`);
  }
  return clean;
}

/** tar-stream has no codes: an error of ours or of the source passes, its own ones are about the archive. */
function translate(error: unknown): unknown {
  if (error instanceof EngineError || (error as NodeJS.ErrnoException).code !== undefined) return error;
  const { message } = error as Error;
  const reason = /unexpected end/i.test(message) ? "unexpected EOF" : "archive/tar: invalid tar header";
  return new EngineError("invalid-argument", reason, { cause: error });
}
