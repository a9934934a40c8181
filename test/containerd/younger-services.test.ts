import { describe, expect, inject, it } from "vitest";
import { ImageStore } from "../../src/containerd/generated/containerd/types/transfer/image_store.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { freshNamespace } from "../support/namespace.ts";

/** True when the daemon is of this version or a later one. */
function isAtLeast(major: number, minor: number): boolean {
  const [actualMajor = 0, actualMinor = 0] = inject("host").containerdVersion.split(".").map(Number);
  return actualMajor > major || (actualMajor === major && actualMinor >= minor);
}

/** What a call comes to: its value, or the code of its error. */
async function outcome<T>(call: Promise<T>): Promise<T | ErrorCode> {
  try {
    return await call;
  } catch (error) {
    return (error as { code: ErrorCode }).code;
  }
}

// Each of these services came with a certain version; before it, the answer must be `unimplemented`, and nothing else.
describe("younger services", () => {
  it("keep records of sandboxes (since 1.7)", async () => {
    await using node = await freshNamespace();
    const { sandboxes } = node.client;
    const runtime = { name: "io.containerd.runc.v2", options: { binaryName: "runc" } };
    const pod = { id: "pod", runtime, labels: { app: "web" }, spec: { hostname: "pod" }, extensions: { ours: [1] } };
    const created = await outcome(sandboxes.create(pod));
    if (!isAtLeast(1, 7)) {
      expect(created).toBe("unimplemented");
      return;
    }

    expect(created).toMatchObject(pod);
    expect(await sandboxes.get("pod")).toMatchObject(pod);
    expect(await sandboxes.list(["id==other"])).toEqual([]);
    await sandboxes.update({ ...pod, labels: { app: "api" } }, ["labels"]);
    expect((await sandboxes.list()).map(({ id, labels }) => [id, labels])).toEqual([["pod", { app: "api" }]]);
    await sandboxes.delete("pod");
    await expect(sandboxes.get("pod")).rejects.toMatchObject({ code: "not-found" });
  });

  it("open streams (since 1.7)", async () => {
    await using node = await freshNamespace();
    const opened = await outcome(node.client.streaming.open("stream"));
    if (!isAtLeast(1, 7)) {
      expect(opened).toBe("unimplemented");
      return;
    }

    expect(opened).toHaveProperty("send");
    await expect(node.client.streaming.open("stream")).rejects.toThrow("already exists");
    if (typeof opened === "object") opened.close();
  });

  it("transfer images, here from one name to another (since 1.7)", async () => {
    await using node = await freshNamespace();
    const { images, transfer } = node.client;
    await node.load("busybox");
    const place = (name: string) => ({
      type: "containerd.types.transfer.ImageStore",
      value: ImageStore.encode({
        name,
        labels: {},
        platforms: [],
        allMetadata: false,
        manifestLimit: 0,
        extraReferences: [],
        unpacks: [],
      }).finish(),
    });
    const source = "docker.io/library/busybox:latest";
    const transferred = await outcome(transfer.transfer(place(source), place("example.com/copy:1")));
    if (!isAtLeast(1, 7)) {
      expect(transferred).toBe("unimplemented");
      return;
    }

    expect(transferred).toBeUndefined();
    expect((await images.get("example.com/copy:1")).target).toEqual((await images.get(source)).target);
  });

  it("activate mounts (since 2.2)", async () => {
    await using node = await freshNamespace();
    const listed = await outcome(node.client.mounts.list());
    expect(listed).toEqual(isAtLeast(2, 2) ? [] : "unimplemented");
  });
});
