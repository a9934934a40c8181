import { readdirSync, statSync, truncateSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OutputSpool } from "../../src/stdio/output-spool.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-spool-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const CHUNK = 50_000;

function chunk(number: number): Buffer {
  return Buffer.alloc(CHUNK, String.fromCharCode(97 + number));
}

function textOf(spool: OutputSpool, from = spool.start, to = spool.end): string {
  return Buffer.concat([...spool.read(from, to)].map(({ chunk }) => chunk)).toString();
}

function bytesOnDisk(): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

describe("an output's spool", () => {
  it("gives back what it was given, from any position", () => {
    const spool = OutputSpool.create(directory, "stdout");
    for (let number = 0; number < 10; number++) spool.append(chunk(number));

    const whole = Array.from({ length: 10 }, (_, number) => chunk(number).toString()).join("");
    expect(spool.end).toBe(10 * CHUNK);
    expect(textOf(spool) === whole).toBe(true);
    expect(textOf(spool, 123_456, 345_678) === whole.slice(123_456, 345_678)).toBe(true);
    expect(spool.last(Buffer.alloc(CHUNK)).equals(chunk(9))).toBe(true);
  });

  it("is as small as what is still needed", () => {
    const spool = OutputSpool.create(directory, "stdout");
    let most = 0;
    for (let number = 0; number < 200; number++) {
      spool.append(chunk(number % 26));
      spool.release(spool.end - CHUNK);
      most = Math.max(most, bytesOnDisk());
    }

    expect(most).toBeLessThan(400_000);
    expect(textOf(spool, spool.end - CHUNK)).toBe(chunk(199 % 26).toString());
  });

  it("goes on in another process where it ended, and knows its place when all is released", () => {
    const first = OutputSpool.create(directory, "stdout");
    for (let number = 0; number < 5; number++) first.append(chunk(number));
    first.release(first.end);
    first.close();

    const next = OutputSpool.open(directory, "stdout");
    expect(next.end).toBe(5 * CHUNK);
    next.append(Buffer.from("more"));
    next.close();

    const last = OutputSpool.open(directory, "stdout");
    expect(textOf(last, 5 * CHUNK)).toBe("more");
    expect(OutputSpool.open(directory, "stderr").end).toBe(0);
  });

  it("of which the end was cut off goes on behind what is left", () => {
    const first = OutputSpool.create(directory, "stdout");
    first.append(Buffer.from("one two"));
    first.close();
    truncateSync(join(directory, "stdout.spool.0"), 3);

    const next = OutputSpool.open(directory, "stdout");
    next.append(Buffer.from("!"));

    expect(textOf(next)).toBe("one!");
  });

  it("counts what it could not take", () => {
    const spool = OutputSpool.create(directory, "stdout");
    spool.append(Buffer.from("one"));
    spool.skipTo(10);
    spool.append(Buffer.from("two"));

    expect([...spool.read(0, spool.end)].map(({ position, chunk }) => [position, chunk.toString()])).toEqual([
      [0, "one"],
      [10, "two"],
    ]);
  });

  it("begins anew with a new run", () => {
    const first = OutputSpool.create(directory, "stdout");
    first.append(Buffer.from("old"));
    first.close();

    expect(OutputSpool.create(directory, "stdout").end).toBe(0);
    expect(readdirSync(directory)).toEqual([]);
  });
});
