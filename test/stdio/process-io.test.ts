import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readJsonLog } from "../../src/stdio/json-log-reader.ts";
import { JsonLogWriter } from "../../src/stdio/json-log-writer.ts";
import type { ProcessIo } from "../../src/stdio/process-io.ts";
import { Stdio } from "../../src/stdio/stdio.ts";
import type { Viewer } from "../../src/stdio/viewer.ts";
import { waitUntil } from "../support/wait-until.ts";

let directory: string;
let stdio: Stdio;

function onDefect(error: unknown): void {
  throw error;
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-io-"));
  stdio = new Stdio(directory, { onDefect });
});

afterEach(async () => {
  await stdio.release();
  await rm(directory, { recursive: true, force: true });
});

/** What a shim is to the FIFOs: it opens both ends of each output, and its process inherits the writing one. */
function startProcess(io: ProcessIo, script: string): { readonly exited: Promise<void>; readonly child: ChildProcess } {
  const { stdin, stdout, stderr } = io.paths;
  const ends = [stdin, stdout, stderr].map((path) => (path === "" ? undefined : openSync(path, "r+")));
  const child = spawn("sh", ["-c", script], { stdio: ends.map((end) => end ?? "ignore") });
  for (const end of ends) if (end !== undefined) closeSync(end);
  return { child, exited: new Promise((resolve) => child.once("exit", () => resolve())) };
}

interface Shown {
  stdout: string;
  stderr: string;
  ended: boolean;
}

function viewer(options: Partial<Viewer> = {}): Shown & { readonly viewer: Viewer } {
  const shown: Shown & { viewer: Viewer } = {
    stdout: "",
    stderr: "",
    ended: false,
    viewer: {
      onOutput: (stream, chunk) => {
        shown[stream] += chunk.toString();
        return undefined;
      },
      onEnd: () => {
        shown.ended = true;
      },
      ...options,
    },
  };
  return shown;
}

function runDir(name = "c1"): string {
  return join(directory, "containers", "default", name);
}

describe("a process's stdio", () => {
  it("shows every byte of both outputs to every viewer, then the end", async () => {
    const io = await stdio.create({ dir: runDir(), terminal: false, stdin: false });
    const shown = Array.from({ length: 10 }, () => viewer());
    for (const one of shown) io.attach(one.viewer);

    const process = startProcess(io, "seq 1 100000; echo oops >&2");
    await process.exited;
    await io.drained();

    const expected = Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`).join("");
    for (const one of shown) {
      expect(one.stdout === expected).toBe(true);
      expect(one).toMatchObject({ stderr: "oops\n", ended: true });
    }
    await io.close();
    expect(await readdir(join(directory, "containers", "default"))).toEqual([]);
  });

  it("shows only what a viewer asked for, and nothing after it left", async () => {
    const io = await stdio.create({ dir: runDir(), terminal: false, stdin: true });
    const errors = viewer({ stdout: false });
    const leaver = viewer();
    io.attach(errors.viewer);
    const attachment = io.attach(leaver.viewer);
    const input = new PassThrough();
    io.attach({ ...viewer().viewer, stdin: input });
    const process = startProcess(io, "read a; echo out $a; echo err >&2; read b; echo out $b");
    io.started();

    input.write("1\n");
    await waitUntil("both lines were shown", () => leaver.stdout === "out 1\n" && errors.stderr === "err\n");
    attachment.detach();
    input.write("2\n");
    await process.exited;
    await io.drained();

    expect(leaver).toMatchObject({ stdout: "out 1\n", ended: false });
    expect(errors).toMatchObject({ stdout: "", ended: true });
    await io.close();
  });

  it("ends the input when the viewer whose input it is ends it, and not with another's", async () => {
    let closedTask = 0;
    const closeTaskStdin = async () => {
      closedTask += 1;
    };
    const io = await stdio.create({ dir: runDir(), terminal: false, stdin: true, closeTaskStdin });
    const typed = viewer();
    const passing = new PassThrough();
    const owning = new PassThrough();
    io.attach({ ...typed.viewer, stdin: passing });
    io.attach({ ...viewer().viewer, stdin: owning, endsStdin: true });

    // Before the process is there, and so before the shim could be told: nothing of it is lost.
    passing.end("one\n");
    owning.end("two\n");
    await waitUntil("the inputs were read", () => passing.readableEnded && owning.readableEnded);
    expect(closedTask).toBe(0);
    // For reading alone, as the shim has it once it was told.
    const [input, output] = [openSync(io.paths.stdin, "r"), openSync(io.paths.stdout, "w")];
    const process = spawn("cat", { stdio: [input, output, "ignore"] });
    for (const end of [input, output]) closeSync(end);
    io.started();

    await new Promise((resolve) => process.once("exit", resolve));
    await io.drained();

    expect(typed.stdout.split("\n").sort()).toEqual(["", "one", "two"]);
    expect(closedTask).toBe(1);
    await io.close();
  });

  it("keeps an input that ended before the shim came for it", async () => {
    let told = false;
    const closeTaskStdin = async () => {
      told = true;
    };
    const io = await stdio.create({ dir: runDir(), terminal: false, stdin: true, closeTaskStdin });
    const input = new PassThrough();
    const shown = viewer({ stdin: input, endsStdin: true });
    io.attach(shown.viewer);
    io.started();
    input.end("hello\n");
    await waitUntil("the end of the input is told", () => told);

    const child = spawn("sh", ["-c", 'exec cat <"$1" >"$2"', "sh", io.paths.stdin, io.paths.stdout]);
    try {
      await waitUntil("the process has read its input to the end", () => child.exitCode === 0);
    } finally {
      child.kill();
    }

    await io.drained();
    expect(shown.stdout).toBe("hello\n");
    await io.close();
  });

  it("lets a process wait for the viewer it was started for", async () => {
    const io = await stdio.create({ dir: runDir(), terminal: false, stdin: false });
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let bytes = 0;
    const slow = viewer({
      essential: true,
      onOutput: (_stream, chunk) => {
        bytes += chunk.length;
        return held;
      },
    });
    io.attach(slow.viewer);
    const process = startProcess(io, "head -c 1000000 /dev/zero");
    await waitUntil("the first bytes were shown", () => bytes > 0);
    expect(process.child.exitCode).toBe(null);
    expect(bytes).toBeLessThan(200_000);

    release();
    await process.exited;
    await io.drained();

    expect(bytes).toBe(1_000_000);
    await io.close();
  });

  it("cuts a viewer off that stops taking output, and the process goes on", async () => {
    const io = await stdio.create({ dir: runDir(), terminal: false, stdin: false });
    const stuck = viewer({ onOutput: () => new Promise<void>(() => undefined) });
    const other = viewer();
    io.attach(stuck.viewer);
    io.attach(other.viewer);

    const process = startProcess(io, "head -c 1000000 /dev/zero");
    await process.exited;
    await io.drained();

    expect(stuck.ended).toBe(true);
    expect(other.stdout.length).toBe(1_000_000);
    await io.close();
  }, 30_000);

  it("sees the end although a child keeps the output open", async () => {
    const io = await stdio.create({ dir: runDir(), terminal: false, stdin: false });
    const shown = viewer();
    io.attach(shown.viewer);
    const process = startProcess(io, "sleep 60 & echo $!");
    await process.exited;

    await io.drained(300);

    expect(shown.ended).toBe(true);
    global.process.kill(Number(shown.stdout));
    await io.close();
  });
});

describe("stdio across supervisors", () => {
  it("goes on with the very next byte, and logs it", async () => {
    const logPath = join(directory, "c1-json.log");
    const options = { dir: runDir(), terminal: false, stdin: false, durable: true };
    const first = await stdio.create({ ...options, openLog: () => new JsonLogWriter({ path: logPath }) });
    const process = startProcess(first, "for i in $(seq 1 20000); do echo line $i; done");
    first.started();
    const seen = viewer();
    first.attach(seen.viewer);
    await waitUntil("it writes", () => seen.stdout.length > 1_000);

    await stdio.release();
    stdio = new Stdio(directory, { onDefect });
    const next = stdio.adopt({ ...options, openLog: () => new JsonLogWriter({ path: logPath }) });
    await stdio.adoptedAll();
    await process.exited;
    await next?.drained();
    await next?.close();

    expect(await readLog(logPath)).toBe(Array.from({ length: 20_000 }, (_, index) => `line ${index + 1}\n`).join(""));
  });

  it("keeps the last words of a process that exits while there is none", async () => {
    const options = { dir: runDir(), terminal: false, stdin: true };
    const first = await stdio.create(options);
    const process = startProcess(first, "read line; echo last words: $line");
    first.started();
    const input = new PassThrough();
    first.attach({ ...viewer().viewer, stdin: input });

    await stdio.release();
    // The input's FIFO is held by the process itself.
    const { FifoWriter } = await import("../../src/stdio/fifo.ts");
    new FifoWriter(first.paths.stdin).write(Buffer.from("bye\n"));
    await process.exited;
    stdio = new Stdio(directory, { onDefect });
    const next = stdio.adopt(options);
    const shown = viewer();
    next?.attach(shown.viewer);
    await stdio.adoptedAll();
    await next?.drained();
    await next?.close();

    expect(shown).toMatchObject({ stdout: "last words: bye\n", ended: true });
  });

  it("adopts nothing where the FIFOs are gone", () => {
    expect(stdio.adopt({ dir: runDir("gone"), terminal: false, stdin: false })).toBe(undefined);
  });
});

async function readLog(path: string): Promise<string> {
  let text = "";
  const view = { stdout: true, stderr: true, timestamps: false, details: false };
  for await (const { data } of readJsonLog(path, view)) text += data.toString();
  return text;
}
