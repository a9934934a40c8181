import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isEngineError } from "../../src/errors.ts";
import type { Descriptor } from "../../src/model/descriptor.ts";
import { digestOf } from "../support/images.ts";
import { freshNamespace } from "../support/namespace.ts";
import { waitUntil } from "../support/wait-until.ts";

function blob(sizeBytes: number): { readonly bytes: Buffer; readonly descriptor: Descriptor } {
  const bytes = randomBytes(sizeBytes);
  return { bytes, descriptor: { mediaType: "application/octet-stream", digest: digestOf(bytes), size: bytes.length } };
}

describe("content", () => {
  it("is written, described, read in part and deleted", async () => {
    await using node = await freshNamespace();
    await using lease = await node.client.leases.create();
    const { content } = node.client;
    const { bytes, descriptor } = blob(100);
    await content.writeBlob(descriptor, bytes, { leaseId: lease.id, labels: { kind: "test" } });

    expect(await content.info(descriptor.digest)).toMatchObject({
      digest: descriptor.digest,
      size: 100,
      labels: { kind: "test" },
    });
    expect(Buffer.from(await content.readAll(descriptor.digest))).toEqual(bytes);
    const part: Uint8Array[] = [];
    for await (const chunk of content.read(descriptor.digest, { offset: 10, size: 20 })) part.push(chunk);
    expect(Buffer.concat(part)).toEqual(bytes.subarray(10, 30));
    expect((await content.list(["labels.kind==test"])).map(({ digest }) => digest)).toEqual([descriptor.digest]);
    expect((await content.updateLabels(descriptor.digest, { kind: "", other: "1" })).labels).toEqual({ other: "1" });

    await content.delete(descriptor.digest);
    expect(await content.has(descriptor.digest)).toBe(false);
    await expect(content.info(descriptor.digest)).rejects.toMatchObject({ code: "not-found" });
    await expect(content.readAll(descriptor.digest)).rejects.toMatchObject({ code: "not-found" });
  });

  it("of many messages arrives whole, whatever the chunks were", async () => {
    await using node = await freshNamespace();
    await using lease = await node.client.leases.create();
    const { content } = node.client;
    const { bytes, descriptor } = blob(20_000_001);
    await using writer = await content.writer("big", { descriptor, leaseId: lease.id });
    for (let start = 0, size = 1; start < bytes.length; start += size, size = (size * 7) % 700_001) {
      await writer.write(bytes.subarray(start, start + size));
    }
    await writer.commit({ labels: { big: "yes" } });

    expect((await content.info(descriptor.digest)).labels).toEqual({ big: "yes" });
    const chunks: Uint8Array[] = [];
    for await (const chunk of content.read(descriptor.digest)) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    // It is no manifest or config, which are all that is read in one piece.
    await expect(content.readAll(descriptor.digest)).rejects.toMatchObject({ code: "out-of-range" });
  });

  it("goes on where an ingest stopped, also in another process", async () => {
    await using node = await freshNamespace();
    await using lease = await node.client.leases.create();
    const { content } = node.client;
    const { bytes, descriptor } = blob(3_000_000);
    const options = { descriptor, leaseId: lease.id };
    const half = 1_500_000;
    const first = await content.writer("resumed", options);
    await first.write(bytes.subarray(0, half));
    await first.flush();
    first.close();
    const expected = { ref: "resumed", offset: half, total: bytes.length };
    expect(await content.status("resumed")).toMatchObject(expected);
    expect(await content.statuses()).toMatchObject([expected]);

    // The daemon lets go of the ingest when it has seen the first writer's end.
    const second = await waitUntil("the ingest is free", () => content.writer("resumed", options));
    expect(second.offset).toBe(half);
    await second.write(bytes.subarray(second.offset));
    expect(await second.commit({})).toEqual({ digest: descriptor.digest });
    second.close();

    expect(await content.statuses()).toEqual([]);
    expect(Buffer.from(await content.readAll(descriptor.digest)).equals(bytes)).toBe(true);
  });

  it("under way belongs to one writer, and is forgotten when it is aborted", async () => {
    await using node = await freshNamespace();
    await using lease = await node.client.leases.create();
    const { content } = node.client;
    const { bytes, descriptor } = blob(10);
    const options = { descriptor, leaseId: lease.id };
    const writer = await content.writer("mine", options);
    await expect(content.writer("mine", options)).rejects.toMatchObject({ code: "unavailable" });
    await writer.write(bytes);
    await writer.flush();
    writer.close();

    await waitUntil("the ingest is aborted", async () => {
      await content.abort("mine");
      return true;
    });
    await expect(content.status("mine")).rejects.toMatchObject({ code: "not-found" });
    await expect(content.abort("mine")).rejects.toMatchObject({ code: "not-found" });
  });

  it("that is there already is refused at once, and harmless for a small blob", async () => {
    await using node = await freshNamespace();
    await using lease = await node.client.leases.create();
    const { content } = node.client;
    const { bytes, descriptor } = blob(10);
    await content.writeBlob(descriptor, bytes, { leaseId: lease.id, labels: { a: "1", b: "1" } });

    await expect(content.writer("again", { descriptor })).rejects.toMatchObject({ code: "already-exists" });
    await content.writeBlob(descriptor, bytes, { labels: { b: "2" } });

    expect((await content.info(descriptor.digest)).labels).toEqual({ a: "1", b: "2" });
  });

  it("that is not what was announced is not committed", async () => {
    await using node = await freshNamespace();
    await using lease = await node.client.leases.create();
    const { content } = node.client;
    const { bytes, descriptor } = blob(1000);
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(500) ^ 1, 500);
    await using wrongDigest = await content.writer("wrong-digest", { descriptor, leaseId: lease.id });
    await wrongDigest.write(damaged);
    await using wrongSize = await content.writer("wrong-size", { descriptor, leaseId: lease.id });
    await wrongSize.write(bytes.subarray(0, 999));

    await expect(wrongDigest.commit({})).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining(descriptor.digest),
    });
    await expect(wrongSize.commit({})).rejects.toSatisfy((error) => isEngineError(error, "failed-precondition"));
    expect(await content.has(descriptor.digest)).toBe(false);
  });

  it("stops being written when the signal says so", async () => {
    await using node = await freshNamespace();
    const controller = new AbortController();
    await using lease = await node.client.leases.create();
    const writer = await node.client.content.writer("stopped", { leaseId: lease.id, signal: controller.signal });
    controller.abort();

    await expect(writer.commit({})).rejects.toMatchObject({ code: "canceled" });
  });

  it("is shared between namespaces only as far as each knows it", async () => {
    await using node = await freshNamespace();
    await using other = await freshNamespace();
    const { bytes, descriptor } = blob(10);
    await using lease = await node.client.leases.create();
    await node.client.content.writeBlob(descriptor, bytes, { leaseId: lease.id });

    expect(await other.client.content.has(descriptor.digest)).toBe(false);
    expect(await other.client.withNamespace(node.namespace).content.has(descriptor.digest)).toBe(true);
  });
});
