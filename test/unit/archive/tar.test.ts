import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { decompress, detectCompression } from "../../../src/archive/decompress.ts";
import { readTar } from "../../../src/archive/read-tar.ts";
import type { TarEntry } from "../../../src/archive/tar-entry.ts";
import { writeTar } from "../../../src/archive/write-tar.ts";

async function* chunks(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

function file(name: string, content: Buffer): TarEntry {
  return { name, type: "file", sizeBytes: content.length, content: chunks(content) };
}

async function contentsOf(archive: AsyncIterable<Uint8Array>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const entry of readTar(archive)) {
    found[entry.name] = entry.type === "file" ? (await collect(entry.content)).toString() : (entry.target ?? "dir");
  }
  return found;
}

describe("writeTar and readTar", () => {
  it("give back what they were given", async () => {
    const entries: TarEntry[] = [
      { name: "dir", type: "directory", sizeBytes: 0, content: chunks() },
      file("dir/empty", Buffer.alloc(0)),
      file("dir/block", Buffer.alloc(512, "a")),
      file("dir/odd", Buffer.alloc(100_001, "b")),
      { name: "dir/link", type: "link", target: "odd", sizeBytes: 0, content: chunks() },
    ];

    expect(await contentsOf(writeTar(entries))).toEqual({
      dir: "dir",
      "dir/empty": "",
      "dir/block": "a".repeat(512),
      "dir/odd": "b".repeat(100_001),
      "dir/link": "dir/odd",
    });
  });

  it("skip what nobody reads, whole or from the middle of a member on", async () => {
    const archive = writeTar([
      file("a", Buffer.alloc(300_000)),
      file("b", Buffer.alloc(300_000)),
      file("c", Buffer.from("c")),
    ]);
    const names: string[] = [];
    for await (const { name, content } of readTar(archive)) {
      names.push(name);
      if (name === "b") for await (const _ of content) break;
    }

    expect(names).toEqual(["a", "b", "c"]);
  });

  it("refuse a member shorter than it was said to be", async () => {
    const entry: TarEntry = { name: "a", type: "file", sizeBytes: 2, content: chunks(Buffer.from("a")) };

    await expect(collect(writeTar([entry]))).rejects.toThrow("a: 1 bytes instead of 2");
  });
});

describe("readTar", () => {
  it("refuses an archive that ends too early, also while a member is read", async () => {
    const archive = (await collect(writeTar([file("a", Buffer.alloc(100_000))]))).subarray(0, 50_000);
    const truncated = { code: "invalid-argument", message: "unexpected EOF" };

    await expect(contentsOf(chunks(archive))).rejects.toMatchObject(truncated);
    await expect(collectNames(chunks(archive))).rejects.toMatchObject(truncated);
  });

  it("refuses what is no archive", async () => {
    await expect(collectNames(chunks(Buffer.alloc(2048, "x")))).rejects.toMatchObject({
      code: "invalid-argument",
      message: "archive/tar: invalid tar header",
    });
  });

  it.each(["../evil", "a/../../evil", "/../evil"])("does not let %s out of the archive", async (name) => {
    const archive = pack();
    archive.entry({ name }, "evil");
    archive.finalize();

    const names = collectNames(archive as unknown as AsyncIterable<Uint8Array>);

    if (name.startsWith("/")) await expect(names).resolves.toEqual(["evil"]);
    else await expect(names).rejects.toThrow("invalid path in the archive");
  });

  it("passes on a failure of its source", async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(100);
      throw Object.assign(new Error("read failed"), { code: "EIO" });
    };

    await expect(collectNames(failing())).rejects.toThrow("read failed");
  });
});

describe("decompress", () => {
  it("tells compressions apart", () => {
    expect(detectCompression(Buffer.from("1f8b08000000", "hex"))).toBe("gzip");
    expect(detectCompression(Buffer.from("28b52ffd0000", "hex"))).toBe("zstd");
    expect(detectCompression(Buffer.from("BZh91A"))).toBe("bzip2");
    expect(detectCompression(Buffer.from("fd377a585a00", "hex"))).toBe("xz");
    expect(detectCompression(Buffer.from("busybo"))).toBe("none");
    expect(detectCompression(Buffer.alloc(0))).toBe("none");
  });

  it("opens gzip that comes a byte at a time, and lets plain bytes pass", async () => {
    const bytes = [...gzipSync("hello")].map((byte) => Buffer.of(byte));

    expect(String(await collect(decompress(chunks(...bytes))))).toBe("hello");
    expect(String(await collect(decompress(chunks(Buffer.from("he"), Buffer.from("llo")))))).toBe("hello");
    expect(String(await collect(decompress(chunks())))).toBe("");
  });

  it("refuses damaged data and unknown compressions", async () => {
    const damaged = gzipSync(Buffer.alloc(1000, "a")).subarray(0, 15);

    await expect(collect(decompress(chunks(damaged)))).rejects.toMatchObject({ code: "invalid-argument" });
    await expect(collect(decompress(chunks(Buffer.from("BZh91AY"))))).rejects.toMatchObject({
      code: "unimplemented",
      message: "cannot read bzip2 here: decompress the archive first",
    });
  });
});

async function collectNames(archive: AsyncIterable<Uint8Array>): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of readTar(archive)) names.push(name);
  return names;
}
