import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freshNamespace } from "../support/namespace.ts";
import { runProgram } from "../support/program.ts";
import { waitUntil } from "../support/wait-until.ts";
import { createTask, processSpec, startTask } from "./running-task.ts";

const SIGKILL = 9;
const SIGTERM = 15;

describe("tasks", () => {
  it("run, end with their exit code, and are deleted", async () => {
    await using node = await freshNamespace();
    const { tasks } = node.client;
    const id = await createTask(node, ["sh", "-c", "exit 123"]);
    expect(await tasks.get(id)).toMatchObject({ containerId: id, id, status: "created", exitedAt: "" });
    const { pid } = await tasks.start(id);
    expect(pid).toBeGreaterThan(1);

    const ended = await tasks.wait(id);

    expect(ended.exitStatus).toBe(123);
    expect(Date.parse(ended.exitedAt)).toBeGreaterThan(Date.now() - 60_000);
    expect(await tasks.get(id)).toMatchObject({ status: "stopped", exitStatus: 123, pid });
    expect(await tasks.delete(id)).toEqual({ pid, exitStatus: 123, exitedAt: ended.exitedAt });
    await expect(tasks.get(id)).rejects.toMatchObject({ code: "not-found" });
    await expect(tasks.delete(id)).rejects.toMatchObject({ code: "not-found" });
  });

  it("are killed, and waited for by many", async () => {
    await using node = await freshNamespace();
    const { tasks } = node.client;
    const id = await startTask(node, ["sleep", "1000"]);
    await expect(tasks.delete(id)).rejects.toMatchObject({ message: expect.stringContaining("running process") });
    const waits = [tasks.wait(id), tasks.wait(id), tasks.wait(id)];
    const controller = new AbortController();
    const impatient = tasks.wait(id, "", { signal: controller.signal });
    controller.abort();
    await expect(impatient).rejects.toMatchObject({ code: "canceled" });

    await tasks.kill(id, { signal: SIGKILL });

    expect((await Promise.all(waits)).map(({ exitStatus }) => exitStatus)).toEqual([137, 137, 137]);
    await expect(tasks.kill(id, { signal: SIGTERM })).rejects.toMatchObject({ code: "not-found" });
  });

  it("run further processes", async () => {
    await using node = await freshNamespace();
    const { tasks } = node.client;
    const id = await startTask(node, ["sleep", "1000"]);
    const process = { containerId: id, terminal: false, stdin: "", stdout: "", stderr: "" };
    await tasks.exec({ ...process, execId: "short", spec: processSpec(["sh", "-c", "exit 7"]) });
    await tasks.exec({ ...process, execId: "long", spec: processSpec(["sleep", "1000"]) });
    await expect(tasks.exec({ ...process, execId: "long", spec: processSpec(["true"]) })).rejects.toMatchObject({
      code: "already-exists",
    });
    const shortEnd = tasks.start(id, "short").then(() => tasks.wait(id, "short"));
    const { pid } = await tasks.start(id, "long");

    expect((await shortEnd).exitStatus).toBe(7);
    expect((await tasks.deleteProcess(id, "short")).exitStatus).toBe(7);
    expect(await tasks.get(id, "long")).toMatchObject({ id: "long", pid, status: "running" });
    const pids = await tasks.pids(id);
    expect(pids).toHaveLength(2);
    expect(pids).toContainEqual({ pid, execId: "long" });
    await tasks.kill(id, { signal: SIGTERM, execId: "long" });
    expect((await tasks.wait(id, "long")).exitStatus).toBe(143);
    expect((await tasks.get(id)).status).toBe("running");
  });

  it("say when a command does not exist", async () => {
    await using node = await freshNamespace();
    const { tasks } = node.client;
    const id = await startTask(node, ["sleep", "1000"]);
    await tasks.exec({
      containerId: id,
      execId: "nothing",
      terminal: false,
      stdin: "",
      stdout: "",
      stderr: "",
      spec: processSpec(["no-such-command"]),
    });

    await expect(tasks.start(id, "nothing")).rejects.toMatchObject({
      message: expect.stringMatching(/no-such-command.*executable file not found/),
    });
    await expect(createTask(node, ["no-such-command"])).rejects.toMatchObject({
      message: expect.stringMatching(/no-such-command.*executable file not found/),
    });
  });

  it("are paused and resumed", async () => {
    await using node = await freshNamespace();
    const { tasks } = node.client;
    const id = await startTask(node, ["sleep", "1000"]);
    await tasks.pause(id);
    expect((await tasks.get(id)).status).toBe("paused");
    await tasks.resume(id);
    expect((await tasks.get(id)).status).toBe("running");
  });

  it("are listed with those of no other namespace", async () => {
    await using node = await freshNamespace();
    await using other = await freshNamespace();
    const id = await startTask(node, ["sleep", "1000"]);
    expect(await node.client.tasks.list()).toMatchObject([{ containerId: id, id, status: "running" }]);
    expect(await other.client.tasks.list()).toEqual([]);
  });

  it("are measured, and limited while they run", async () => {
    await using node = await freshNamespace();
    const { tasks } = node.client;
    const id = await startTask(node, ["sleep", "1000"]);
    const limit = 64 * 1024 * 1024;
    await tasks.update(id, { memory: { limit } });
    // Just after the start the runtime's own threads are still counted.
    const measured = await waitUntil("the task has used memory, and is one process", async () => {
      const [sample] = await tasks.metrics([`id==${id}`]);
      if (!sample?.cgroupVersion || !sample.metrics.memory) return undefined;
      return Number(sample.metrics.pids?.current) === 1 ? sample : undefined;
    });

    expect(measured.containerId).toBe(id);
    if (measured.cgroupVersion === 1) expect(measured.metrics.memory?.usage?.limit).toBe(limit);
    else if (measured.cgroupVersion === 2) expect(measured.metrics.memory?.usageLimit).toBe(limit);
  });

  it("write where they are told to, and have terminals that change their size", async () => {
    await using node = await freshNamespace();
    const { tasks } = node.client;
    const id = await startTask(node, ["sleep", "1000"]);
    await using fifo = await openFifo();
    const process = { containerId: id, stdin: "", stdout: fifo.path };
    const untilResized = "until [ \"$(stty size 2>/dev/null)\" = '33 111' ]; do sleep 0.01; done; echo resized";
    const spec = processSpec(["sh", "-c", untilResized], true);
    await tasks.exec({ ...process, execId: "tty", terminal: true, stderr: "", spec });
    await tasks.start(id, "tty");
    await tasks.resizePty(id, { execId: "tty", height: 33, width: 111 });
    await waitUntil("the process has seen the new size", () => fifo.read() === "resized\r\n");
    expect((await tasks.wait(id, "tty")).exitStatus).toBe(0);

    const plain = processSpec(["sh", "-c", "echo plain"]);
    await tasks.exec({ ...process, execId: "plain", terminal: false, stderr: fifo.path, spec: plain });
    await tasks.start(id, "plain");
    await waitUntil("the output is there", () => fifo.read() === "resized\r\nplain\n");
  });

  it("read their stdin to its end", async () => {
    await using node = await freshNamespace();
    const { tasks } = node.client;
    const id = await startTask(node, ["sleep", "1000"]);
    await using input = await openFifo();
    await using output = await openFifo();
    const paths = { stdin: input.path, stdout: output.path, stderr: output.path };
    await tasks.exec({ containerId: id, execId: "cat", terminal: false, ...paths, spec: processSpec(["cat"]) });
    await tasks.start(id, "cat");
    input.write("hello\n");
    // Only then has the shim opened its end; what is in a FIFO that nobody has open is lost.
    await waitUntil("the output is there", () => output.read() === "hello\n");
    input.close();
    await tasks.closeIo(id, { execId: "cat" });

    expect((await tasks.wait(id, "cat")).exitStatus).toBe(0);
  });
});

/** A FIFO in a directory of its own, open for reading and writing. */
async function openFifo(): Promise<
  AsyncDisposable & { readonly path: string; read(): string; write(text: string): void; close(): void }
> {
  const directory = await mkdtemp(join(tmpdir(), "wharf-fifo-"));
  const path = join(directory, "fifo");
  await runProgram("mkfifo", [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  let text = "";
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  return {
    path,
    /** All that has come so far. */
    read() {
      const bytes = Buffer.alloc(65_536);
      try {
        text += bytes.toString("utf8", 0, readSync(fd, bytes));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      }
      return text;
    },
    write: (bytes) => writeSync(fd, bytes),
    close,
    async [Symbol.asyncDispose]() {
      close();
      await rm(directory, { recursive: true });
    },
  };
}
