import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ReadLogOptions, readJsonLog } from "../../src/stdio/json-log-reader.ts";
import { JsonLogWriter } from "../../src/stdio/json-log-writer.ts";
import { waitUntil } from "../support/wait-until.ts";

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-log-"));
  path = join(directory, "x-json.log");
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function writeLog(...chunks: readonly (readonly ["stdout" | "stderr", string | Buffer])[]): Promise<void> {
  const writer = new JsonLogWriter({ path });
  for (const [stream, chunk] of chunks) await writer.write(stream, Buffer.from(chunk));
  await writer.close();
}

async function entries(file = path): Promise<{ log: string; stream: string; time: string }[]> {
  const text = await readFile(file, "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

async function read(options: Partial<ReadLogOptions> = {}): Promise<{ stdout: string; stderr: string }> {
  const shown = { stdout: "", stderr: "" };
  const view = { stdout: true, stderr: true, timestamps: false, details: false, ...options };
  for await (const { stream, data } of readJsonLog(path, view)) shown[stream] += data.toString();
  return shown;
}

function numberedLines(count: number): string {
  return Array.from({ length: count }, (_, index) => `line ${index}\n`).join("");
}

describe("the json-file log, written", () => {
  it("is an entry a line in docker's format", async () => {
    await writeLog(["stdout", "hello\n"], ["stderr", "oops\n"]);

    const lines = (await readFile(path, "utf8")).split("\n");

    expect(lines[0]).toMatch(
      /^\{"log":"hello\\n","stream":"stdout","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"\}$/,
    );
    expect(lines[1]).toMatch(/^\{"log":"oops\\n","stream":"stderr",/);
  });

  it("escapes as Go's encoder does", async () => {
    await writeLog(["stdout", 'quote " back\\slash <b>&amp; tab\t bell\u0007 bs\b ff\f é \u2028 😀\r\n']);

    expect(await readFile(path, "utf8")).toContain(
      '"quote \\" back\\\\slash \\u003cb\\u003e\\u0026amp; tab\\t bell\\u0007 bs\\u0008 ff\\u000c é \\u2028 😀\\r\\n"',
    );
    expect((await read()).stdout).toBe('quote " back\\slash <b>&amp; tab\t bell\u0007 bs\b ff\f é \u2028 😀\r\n');
  });

  it("replaces what is not UTF-8", async () => {
    await writeLog(["stdout", Buffer.from([0x61, 0xff, 0x62, 0x0a])]);

    expect((await entries())[0]?.log).toBe("a\ufffdb\n");
  });

  it("joins the pieces of a line, and keeps the two streams apart meanwhile", async () => {
    await writeLog(["stdout", "one "], ["stderr", "other\n"], ["stdout", "line\n"]);

    expect((await entries()).map(({ log }) => log)).toEqual(["other\n", "one line\n"]);
  });

  it("keeps a last line without a line feed as it is", async () => {
    await writeLog(["stdout", "a\nno end"]);

    expect((await entries()).map(({ log }) => log)).toEqual(["a\n", "no end"]);
    expect((await read()).stdout).toBe("a\nno end");
  });

  it("splits lines of more than 16 KiB, between characters", async () => {
    const line = `x${"é".repeat(20_000)}`;
    await writeLog(["stdout", `${line}\n`]);

    const parts = (await entries()).map(({ log }) => log);
    expect(parts.length).toBe(3);
    expect(parts.join("")).toBe(`${line}\n`);
    expect(parts.every((part) => Buffer.byteLength(part) <= 16 * 1024)).toBe(true);
  });

  it("rotates by size and keeps so many files", async () => {
    const writer = new JsonLogWriter({ path, maxSizeBytes: 10_000, maxFiles: 3 });
    for (let index = 0; index < 1_000; index++) await writer.write("stdout", Buffer.from(`line ${index}\n`));
    await writer.close();

    expect((await readdir(directory)).sort()).toEqual(["x-json.log", "x-json.log.1", "x-json.log.2"]);
    expect((await stat(`${path}.1`)).size).toBeGreaterThanOrEqual(10_000);
    expect((await stat(`${path}.1`)).size).toBeLessThan(10_200);
    const shown = (await read()).stdout.trimEnd().split("\n");
    expect(shown.at(-1)).toBe("line 999");
    // What is left is the end of it, without a gap.
    expect(shown).toEqual(shown.map((_, index) => `line ${1_000 - shown.length + index}`));
  });

  it("empties the only file when there may be no other", async () => {
    const writer = new JsonLogWriter({ path, maxSizeBytes: 5_000 });
    await writer.write("stdout", Buffer.from(numberedLines(500)));
    await writer.close();

    expect(await readdir(directory)).toEqual(["x-json.log"]);
    expect((await stat(path)).size).toBeLessThan(5_200);
    expect((await read()).stdout).toMatch(/line 499\n$/);
  });

  it("goes on behind a half entry that a crash has left", async () => {
    await writeLog(["stdout", "before\n"]);
    await appendFile(path, '{"log":"half of an en');
    await writeLog(["stdout", "after\n"]);

    expect((await read()).stdout).toBe("before\nafter\n");
  });

  it("asks the process to wait when the disk is slower, and loses nothing", async () => {
    const chunk = Buffer.from(numberedLines(5_000));
    const writer = new JsonLogWriter({ path });
    let waits = 0;
    for (let index = 0; index < 200; index++) {
      const wait = writer.write("stdout", chunk);
      if (wait) waits += 1;
      await wait;
    }
    await writer.close();

    expect(waits).toBeGreaterThan(0);
    expect((await read()).stdout.length).toBe(200 * chunk.length);
  });
});

describe("the json-file log, read", () => {
  it("is empty when there is none", async () => {
    expect(await read()).toEqual({ stdout: "", stderr: "" });
  });

  it("shows one stream or both", async () => {
    await writeLog(["stdout", "out\n"], ["stderr", "err\n"], ["stdout", "out again\n"]);

    expect(await read()).toEqual({ stdout: "out\nout again\n", stderr: "err\n" });
    expect(await read({ stdout: false })).toEqual({ stdout: "", stderr: "err\n" });
  });

  it.each([0, 1, 3, 100, 9_999, 10_000, 20_000])("shows the last %i entries", async (tail) => {
    await writeLog(["stdout", numberedLines(10_000)]);

    const all = numberedLines(10_000).split(/(?<=\n)/);
    expect((await read({ tail })).stdout).toBe(tail === 0 ? "" : all.slice(-tail).join(""));
  });

  it("finds a tail in the rotated files", async () => {
    const writer = new JsonLogWriter({ path, maxSizeBytes: 2_000, maxFiles: 5 });
    await writer.write("stdout", Buffer.from(numberedLines(100)));
    await writer.close();

    expect((await read({ tail: 60 })).stdout).toBe(
      numberedLines(100)
        .split(/(?<=\n)/)
        .slice(-60)
        .join(""),
    );
  });

  it("puts docker's nine digits before each entry", async () => {
    await writeFile(path, '{"log":"a\\n","stream":"stdout","time":"2026-01-02T03:04:05.5Z"}\n');

    expect((await read({ timestamps: true })).stdout).toBe("2026-01-02T03:04:05.500000000Z a\n");
  });

  it("takes docker's own form with attributes", async () => {
    await writeFile(
      path,
      '{"log":"a\\n","stream":"stderr","attrs":{"tag":"x"},"time":"2026-01-02T03:04:05.5Z"}\n{"log":"b\\n","stream":"stdout","time":"2026-01-02T03:04:06Z"}\n',
    );

    expect(await read()).toEqual({ stdout: "b\n", stderr: "a\n" });
  });

  it("shows what was written between two moments, both included", async () => {
    const lines = Array.from(
      { length: 50_000 },
      (_, index) =>
        `{"log":"${index}\\n","stream":"stdout","time":"${new Date(1_700_000_000_000 + index * 1_000).toISOString()}"}\n`,
    );
    await writeFile(path, lines.join(""));
    const moment = (index: number) =>
      `${new Date(1_700_000_000_000 + index * 1_000).toISOString().slice(0, 19)}.000000000Z`;

    const { stdout } = await read({ since: moment(40_000), until: moment(40_003) });

    expect(stdout).toBe("40000\n40001\n40002\n40003\n");
  });

  it("follows a log across rotations until it is closed", async () => {
    const writer = new JsonLogWriter({ path, maxSizeBytes: 20_000, maxFiles: 50 });
    await writer.write("stdout", Buffer.from("first\n"));
    const followed = read({ follow: writer });
    let written = "first\n";
    for (let index = 0; index < 200; index++) {
      const chunk = Buffer.from(numberedLines(10));
      written += chunk.toString();
      await writer.write("stdout", chunk);
      if (index % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await writer.close();

    expect((await followed).stdout).toBe(written);
  });

  it("stops following when the reader has had enough", async () => {
    const writer = new JsonLogWriter({ path });
    await writer.write("stdout", Buffer.from("first\n"));
    const giveUp = new AbortController();
    let shown = "";
    const view = { stdout: true, stderr: true, timestamps: false, details: false };
    const following = (async () => {
      for await (const { data } of readJsonLog(path, { ...view, follow: writer, signal: giveUp.signal })) {
        shown += data.toString();
      }
    })();
    await waitUntil("the first line was shown", () => shown === "first\n");

    giveUp.abort();
    await following;

    await writer.close();
  });
});
