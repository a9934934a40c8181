import { appendFileSync, cpSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readJsonLog } from "../../src/stdio/json-log-reader.ts";
import { type JsonLogOptions, JsonLogWriter } from "../../src/stdio/json-log-writer.ts";
import { LogJournal, type LogPositions } from "../../src/stdio/log-journal.ts";
import { rotateLog } from "../../src/stdio/rotate-log.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-crash-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const OUTPUT = {
  stdout: Buffer.from(Array.from({ length: 40 }, (_, index) => `out ${index} ${"é".repeat(index)}\n`).join("")),
  stderr: Buffer.from(`${Array.from({ length: 40 }, (_, index) => `err ${index}\n`).join("")}unfinished`),
};

/** The files of one log and its journal, under a name of their own. */
function files(name: string): { readonly path: string; readonly journal: string } {
  return { path: join(directory, `${name}.log`), journal: join(directory, `${name}.journal`) };
}

function open(name: string, options: Partial<JsonLogOptions> = {}): { writer: JsonLogWriter; logged: LogPositions } {
  const { path, journal } = files(name);
  const writer = new JsonLogWriter({ path, ...options });
  return { writer, logged: writer.resume(LogJournal.open(journal)) };
}

/** Goes on with the output behind `logged`, to its end. */
async function finish({ writer, logged }: { writer: JsonLogWriter; logged: LogPositions }): Promise<void> {
  for (const stream of ["stdout", "stderr"] as const) {
    writer.write(stream, OUTPUT[stream].subarray(logged[stream]), { position: logged[stream] });
  }
  await writer.close();
}

async function shown(name: string): Promise<{ stdout: string; stderr: string }> {
  const text = { stdout: "", stderr: "" };
  const view = { stdout: true, stderr: true, timestamps: false, details: false };
  for await (const { stream, data } of readJsonLog(files(name).path, view)) text[stream] += data.toString();
  return text;
}

const WHOLE = { stdout: OUTPUT.stdout.toString(), stderr: OUTPUT.stderr.toString() };

/** The pieces in which the output comes: of either stream, not at the ends of lines, nor of characters. */
function* pieces(): Generator<{ stream: "stdout" | "stderr"; position: number; chunk: Buffer }> {
  for (let position = 0; position < OUTPUT.stdout.length; position += 97) {
    yield { stream: "stdout", position, chunk: OUTPUT.stdout.subarray(position, position + 97) };
    const chunk = OUTPUT.stderr.subarray(position / 3, position / 3 + 97);
    if (position % 3 === 0 && chunk.length > 0) yield { stream: "stderr", position: position / 3, chunk };
  }
}

describe("a log whose writer was killed", () => {
  it("holds every line once, wherever in a write that was", async () => {
    const { path, journal } = files("whole");
    const { writer } = open("whole");
    let cases = 0;
    for (const { stream, position, chunk } of pieces()) {
      const before = statSync(path).size;
      writer.write(stream, chunk, { position });
      const { size } = statSync(path);
      // The write was announced, and came about not at all, in part, but for its last byte, or as a whole.
      for (const written of new Set([before, Math.floor((before + size) / 2), size - 1, size])) {
        if (written < before) continue;
        const name = `cut-${cases++}`;
        writeFileSync(files(name).path, readFileSync(path).subarray(0, written));
        renumber(journal, files(name), path);
        await finish(open(name));
        expect(await shown(name)).toEqual(WHOLE);
      }
    }
    expect(cases).toBeGreaterThan(50);
    await writer.close();
  });

  it("goes on from the record before one that is torn", async () => {
    const { path, journal } = files("torn");
    const { writer } = open("torn");
    writer.write("stdout", Buffer.from("one\n"), { position: 0 });
    const journalBefore = readFileSync(journal);
    const logBefore = readFileSync(path);
    writer.write("stdout", Buffer.from("two\n"), { position: 4 });
    await writer.release();

    // Half of the second record has been written, and so nothing of the log.
    const torn = readFileSync(journal);
    const [one, two] = [journalBefore.subarray(128), torn.subarray(0, 30)];
    writeFileSync(journal, Buffer.concat([two, Buffer.alloc(98), one]));
    truncateSync(path, logBefore.length);
    const next = open("torn");

    expect(next.logged).toEqual({ stdout: 4, stderr: 0 });
    await next.writer.close();
  });

  it("is not taken back when it was emptied or replaced meanwhile", async () => {
    for (const change of ["emptied", "replaced"] as const) {
      const { path } = files(change);
      const first = open(change);
      first.writer.write("stdout", Buffer.from("one\n"), { position: 0 });
      first.writer.write("stdout", Buffer.from("two\n"), { position: 4 });
      await first.writer.release();
      if (change === "emptied") truncateSync(path);
      else {
        cpSync(path, `${path}.copy`);
        await rm(path);
      }

      const next = open(change);

      expect(next.logged.stdout).toBe(8);
      next.writer.write("stdout", Buffer.from("three\n"), { position: 8 });
      await next.writer.close();
      expect((await shown(change)).stdout).toBe("three\n");
    }
  });

  it("leaves unfinished lines to the next one", async () => {
    const first = open("lines");
    first.writer.write("stdout", Buffer.from("one\ntw"), { position: 0 });
    await first.writer.release();

    const next = open("lines");
    expect(next.logged.stdout).toBe(4);
    next.writer.write("stdout", Buffer.from("two\n"), { position: 4 });
    await next.writer.close();

    expect((await shown("lines")).stdout).toBe("one\ntwo\n");
  });

  it("holds every line once over rotations", async () => {
    const options = { maxSizeBytes: 700, maxFiles: 100 };
    for (const { stream, position, chunk } of pieces()) {
      // A new writer for each piece, as if each one before was killed behind its last write.
      const { writer, logged } = open("rotated", options);
      const rest = OUTPUT[stream].subarray(logged[stream], position + chunk.length);
      writer.write(stream, rest, { position: logged[stream] });
      await writer.release();
    }
    await finish(open("rotated", options));

    expect(await shown("rotated")).toEqual(WHOLE);
    expect((await readdir(directory)).length).toBeGreaterThan(5);
  });
});

describe("a rotation", () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => (index === 0 ? "log" : `log.${index}`));
  const content = (name: string) => readFileSync(join(directory, name), "utf8");

  it("keeps so many files, the newest", async () => {
    for (const [age, name] of names(3).entries()) writeFileSync(join(directory, name), `age ${age}`);

    await rotateLog(join(directory, "log"), 3);

    expect((await readdir(directory)).sort()).toEqual(["log.1", "log.2"]);
    expect([content("log.1"), content("log.2")]).toEqual(["age 0", "age 1"]);
  });

  it.each([1, 2, 3])("that was cut short is finished without a loss (file %d is missing)", async (missing) => {
    for (const [age, name] of names(4).entries()) writeFileSync(join(directory, name), `age ${age}`);
    await rm(join(directory, `log.${missing}`));

    await rotateLog(join(directory, "log"), 4);

    const ages = [0, 1, 2, 3].filter((age) => age !== missing);
    expect((await readdir(directory)).sort()).toEqual(["log.1", "log.2", "log.3"]);
    expect(["log.1", "log.2", "log.3"].map(content)).toEqual(ages.map((age) => `age ${age}`));
  });
});

/** Copies a journal to stand beside a copy of its log, whose inode is another one. */
function renumber(journal: string, copy: { readonly path: string; readonly journal: string }, log: string): void {
  const original = LogJournal.open(journal);
  const { last } = original;
  original.close();
  appendFileSync(copy.path, "");
  const copied = LogJournal.create(copy.journal);
  if (last?.inode === statSync(log).ino) copied.record({ ...last, inode: statSync(copy.path).ino });
  copied.close();
}
