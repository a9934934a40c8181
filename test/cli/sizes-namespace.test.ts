import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NAME_LABEL, RECORD_EXTENSION, STATE_EXTENSION } from "../../src/model/container-record.ts";
import { digestOf } from "../support/images.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";

/** The full sizes take minutes to make. */
const HEAVY = process.env.WHARF_TEST_HEAVY !== undefined;
const CONTAINERS = HEAVY ? 5_000 : 60;
/** In all more than one answer may have: 4 MB by the default of most clients, 16 MB by containerd. */
const FILLER = "f".repeat(HEAVY ? 4_000 : 125_000);
const BLOBS = HEAVY ? 20_000 : 300;
const TIMEOUT_MS = HEAVY ? 1_800_000 : 240_000;

let node: TestNode;

beforeEach(async () => {
  node = await freshNamespace();
  await node.load();
});

afterEach(async () => {
  await node[Symbol.asyncDispose]();
}, TIMEOUT_MS);

/** Does a few things at a time: all tests share the database of containerd, which takes one after the other. */
async function forEach(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

describe("a namespace", () => {
  it(
    `of ${CONTAINERS} containers is listed, inspected and emptied`,
    async () => {
      const flags = ["--network", "none", "--label", `filler=${FILLER}`, "--name", "model"];
      const model = await node.client.containers.get(await node.succeed("create", ...flags, "busybox", "true"));
      const extensions = {
        [RECORD_EXTENSION]: model.extension(RECORD_EXTENSION),
        [STATE_EXTENSION]: model.extension(STATE_EXTENSION),
      };
      await forEach(CONTAINERS - 1, async (index) => {
        const labels = { ...model.labels, [NAME_LABEL]: `web-${index}` };
        const { image, runtime, spec, snapshotter } = model;
        const id = randomBytes(32).toString("hex");
        await node.client.containers.create({
          id,
          labels,
          image,
          runtime,
          spec,
          snapshotter,
          snapshotKey: id,
          extensions,
        });
      });

      const names = (await node.cliWith({ timeoutMs: TIMEOUT_MS }, "ps", "-a", "--format", "{{.Names}}")).stdout;
      expect(new Set(names.trim().split("\n")).size).toBe(CONTAINERS);
      expect(await node.succeed("ps", "-a", "--filter", "name=web-17$", "--format", "{{.Names}}")).toBe("web-17");
      const found = await node.succeed("inspect", "--format", "{{.Name}} {{len .Config.Labels.filler}}", "web-42");
      expect(found).toBe(`/web-42 ${FILLER.length}`);
      const ids = (await node.succeed("ps", "-aq")).split("\n");
      const removed = await node.cliWith({ timeoutMs: TIMEOUT_MS }, "rm", ...ids);
      expect(removed).toEqual({ exitCode: 0, stdout: `${ids.join("\n")}\n`, stderr: "" });
      expect(await node.client.containers.list()).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    `of ${BLOBS} blobs is listed in pieces, and its images are found among them`,
    async () => {
      const label = "l".repeat(4_000);
      await using lease = await node.client.leases.create();
      await forEach(BLOBS, async (index) => {
        const bytes = Buffer.from(`${node.namespace} ${index}`);
        const descriptor = { mediaType: "application/octet-stream", digest: digestOf(bytes), size: bytes.length };
        await node.client.content.writeBlob(descriptor, bytes, { labels: { filler: label }, leaseId: lease.id });
      });

      expect((await node.client.content.list()).length).toBeGreaterThan(BLOBS);
      expect(await node.succeed("images", "--format", "{{.Repository}}")).toBe("busybox");
      expect(await node.succeed("run", "--rm", "--network", "none", "busybox", "echo", "hello")).toBe("hello");
    },
    TIMEOUT_MS,
  );
});
