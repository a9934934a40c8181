import { describe, expect, it } from "vitest";
import type { ContainerdEvent } from "../../src/containerd/events.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { waitUntil } from "../support/wait-until.ts";
import { createTask } from "./running-task.ts";

const SIGKILL = 9;

/** Collects the namespace's events until it is disposed. */
async function collectEvents(node: TestNode): Promise<AsyncDisposable & { readonly events: ContainerdEvent[] }> {
  const controller = new AbortController();
  const events: ContainerdEvent[] = [];
  let subscribed = false;
  const onSubscribed = (): void => {
    subscribed = true;
  };
  const subscription = node.client.events.subscribe([`namespace==${node.namespace}`], {
    signal: controller.signal,
    onSubscribed,
  });
  const collecting = (async () => {
    for await (const event of subscription) events.push(event);
  })();
  const ended = expect(collecting).rejects.toMatchObject({ code: "canceled" });
  await waitUntil("the subscription is in force", () => subscribed);
  return {
    events,
    async [Symbol.asyncDispose]() {
      controller.abort();
      await ended;
    },
  };
}

describe("events", () => {
  it("tell a container's life, decoded", async () => {
    await using node = await freshNamespace();
    await node.load("busybox");
    await using collected = await collectEvents(node);
    const { tasks, containers } = node.client;
    const id = await createTask(node, ["sleep", "1000"]);
    const { pid } = await tasks.start(id);
    await tasks.pause(id);
    await tasks.resume(id);
    await tasks.kill(id, { signal: SIGKILL });
    await tasks.wait(id);
    // The shim ends with its task, and may take along what it has not told yet.
    await waitUntil("the exit is told", () => collected.events.some(({ topic }) => topic === "/tasks/exit"));
    await tasks.delete(id);
    await containers.update({ id, labels: { a: "1" } }, ["labels"]);
    await containers.delete(id);
    const topics = [
      "/containers/create",
      "/tasks/create",
      "/tasks/start",
      "/tasks/paused",
      "/tasks/resumed",
      "/tasks/exit",
      "/containers/update",
      "/containers/delete",
    ];
    const ofContainer = await waitUntil("all events are there", () => {
      const found = collected.events
        .filter(({ event }) => ("containerId" in event ? event.containerId === id : "id" in event && event.id === id))
        // The shim tells this one as it ends, and containerd 2 does not always hear it.
        .filter(({ topic }) => topic !== "/tasks/delete");
      // A shim's events go their own way and may come later than those of the daemon.
      expect(found.map(({ topic }) => topic).toSorted()).toEqual(topics.toSorted());
      return found;
    });

    const exit = ofContainer.find(({ topic }) => topic === "/tasks/exit");
    expect(exit).toMatchObject({
      namespace: node.namespace,
      event: { type: "containerd.events.TaskExit", containerId: id, id, pid, exitStatus: 137 },
    });
    expect(exit?.timestamp).toMatch(/^\d{4}-\d\d-\d\dT[\d:]+(\.\d+)?Z$/);
    const created = collected.events.find(({ topic }) => topic === "/containers/create");
    expect(created?.event).toMatchObject({ image: "busybox", runtime: { name: "io.containerd.runc.v2" } });
  });

  it("come from images, content, snapshots and namespaces too", async () => {
    await using node = await freshNamespace();
    await using collected = await collectEvents(node);
    await node.load("busybox");
    await node.client.namespaces.update(node.namespace, { a: "1" });
    await waitUntil("the last event is there", () =>
      collected.events.some(({ topic }) => topic === "/namespaces/update"),
    );

    const byTopic = new Map(collected.events.map((event) => [event.topic, event.event]));
    expect(byTopic.get("/images/create")).toMatchObject({
      type: "containerd.services.images.v1.ImageCreate",
      name: "docker.io/library/busybox:latest",
    });
    expect(byTopic.get("/snapshot/commit")).toMatchObject({ type: "containerd.events.SnapshotCommit" });
    expect(byTopic.get("/namespaces/update")).toMatchObject({ name: node.namespace, labels: { a: "1" } });
  });

  it("are published and forwarded as they are", async () => {
    await using node = await freshNamespace();
    await using collected = await collectEvents(node);
    const exit: ContainerdEvent = {
      timestamp: "2026-01-02T03:04:05.000000006Z",
      namespace: node.namespace,
      topic: "/test/exit",
      event: {
        type: "containerd.events.TaskExit",
        containerId: "c",
        id: "e",
        pid: 1,
        exitStatus: 2,
        exitedAt: "2026-01-02T03:04:05.123456789Z",
      },
    };
    const unknown = { type: "unknown", typeUrl: "example.com/Unknown", fields: { hello: "world" } } as const;
    await node.client.events.forward(exit);
    await node.client.events.forward({ ...exit, topic: "/test/unknown", event: unknown });
    await waitUntil("both events are there", () => collected.events.some(({ topic }) => topic === "/test/unknown"));

    expect(collected.events.find(({ topic }) => topic === "/test/exit")).toEqual(exit);
    expect(collected.events.find(({ topic }) => topic === "/test/unknown")?.event).toEqual(unknown);
  });
});
