import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NAME_LABEL, RECORD_EXTENSION, STATE_EXTENSION } from "../../src/model/container-record.ts";
import { digestOf } from "./images.ts";
import { freshNamespace, type TestNode } from "./namespace.ts";

export interface LargeNamespace {
  readonly containers: number;
  /** The bytes of a label of each container. In all more than one answer may have: 16 MB by containerd. */
  readonly labelBytes: number;
  readonly blobs: number;
  readonly timeoutMs: number;
}

/** Defines the tests of a namespace that holds so much. */
export function testLargeNamespace({ containers, labelBytes, blobs, timeoutMs }: LargeNamespace): void {
  const filler = "f".repeat(labelBytes);
  let node: TestNode;

  beforeEach(async () => {
    node = await freshNamespace();
  });

  afterEach(async () => {
    await node[Symbol.asyncDispose]();
  }, timeoutMs);

  /** Writes records of containers that were made before the supervisor was started. */
  async function makeContainers(): Promise<void> {
    // The supervisor takes a namespace up with the first command: in this one there has been none.
    await using other = await freshNamespace();
    await other.load();
    const flags = ["--network", "none", "--label", `filler=${filler}`, "--name", "model"];
    const model = await other.client.containers.get(await other.succeed("create", ...flags, "busybox", "true"));
    const extensions = {
      [RECORD_EXTENSION]: model.extension(RECORD_EXTENSION),
      [STATE_EXTENSION]: model.extension(STATE_EXTENSION),
    };
    const { image, runtime, spec, snapshotter } = model;
    await forEach(containers, async (index) => {
      const labels = { ...model.labels, [NAME_LABEL]: `web-${index}` };
      const id = randomBytes(32).toString("hex");
      const references = { image, runtime, snapshotter, snapshotKey: id };
      await node.client.containers.create({ id, labels, spec, extensions, ...references });
    });
  }

  describe("a namespace", () => {
    it(
      `of ${containers} containers is listed, inspected and emptied`,
      async () => {
        await makeContainers();

        const names = (await node.cliWith({ timeoutMs }, "ps", "-a", "--format", "{{.Names}}")).stdout;
        expect(new Set(names.trim().split("\n")).size).toBe(containers);
        expect(await node.succeed("ps", "-a", "--filter", "name=web-17$", "--format", "{{.Names}}")).toBe("web-17");
        const found = await node.succeed("inspect", "--format", "{{.Name}} {{len .Config.Labels.filler}}", "web-42");
        expect(found).toBe(`/web-42 ${filler.length}`);
        expect(await node.succeed("rename", "web-42", "web")).toBe("");
        const ids = (await node.cliWith({ timeoutMs }, "ps", "-aq")).stdout.trimEnd().split("\n");
        const removed = await node.cliWith({ timeoutMs }, "rm", ...ids);
        expect(removed).toEqual({ exitCode: 0, stdout: `${ids.join("\n")}\n`, stderr: "" });
        expect(await node.client.containers.list()).toEqual([]);
      },
      timeoutMs,
    );

    it(
      `of ${blobs} blobs is listed in pieces, and its images are found among them`,
      async () => {
        await node.load();
        const label = "l".repeat(4_000);
        await using lease = await node.client.leases.create();
        await forEach(blobs, async (index) => {
          const bytes = Buffer.from(`${node.namespace} ${index}`);
          const descriptor = { mediaType: "application/octet-stream", digest: digestOf(bytes), size: bytes.length };
          await node.client.content.writeBlob(descriptor, bytes, { labels: { filler: label }, leaseId: lease.id });
        });

        expect((await node.client.content.list()).length).toBeGreaterThan(blobs);
        expect(await node.succeed("images", "--format", "{{.Repository}}")).toBe("busybox");
        expect(await node.succeed("run", "--rm", "--network", "none", "busybox", "echo", "hello")).toBe("hello");
      },
      timeoutMs,
    );
  });
}

/** Does a few things at a time: all tests share the database of containerd, which takes one after the other. */
async function forEach(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}
