import { describe, expect, it } from "vitest";
import { ENTRY_HEAD, entryCapacity, LONGEST_ENTRY_BYTES, writeText } from "../../../src/stdio/json-log-line.ts";
import { LineEncoder } from "../../../src/stdio/line-encoder.ts";
import { Random } from "../../support/random.ts";

const TAIL = '","stream":"stderr","time":"2026-11-30T12:00:00.123456789Z"}\n';
const LF = 0x0a;
const encoder = new LineEncoder();

/** What the writer makes of lines one by one. */
function encodeSingly(lines: Buffer): string {
  let entries = "";
  for (let start = 0; start < lines.length; ) {
    const end = lines.indexOf(LF, start) + 1;
    const line = lines.subarray(start, end);
    const target = Buffer.alloc(entryCapacity(line.length));
    entries += ENTRY_HEAD + target.toString("utf8", 0, writeText(target, 0, line)) + TAIL;
    start = end;
  }
  return entries;
}

describe("lines, encoded together", () => {
  it.each([
    ["empty lines", "\n\n\n"],
    ["a line as long as a vector", "0123456789abcde\n"],
    ["what JSON and HTML escape", 'say "hi" \\n <b>&amp;</b>\ttab\r\n'],
    ["every byte below 0x80 but LF", `${String.fromCharCode(...range(0x80).filter((code) => code !== LF))}\n`],
    ["characters of two, three and four bytes", "é – 😀\n\u00a0\uffff\n"],
    ["nothing but line ends, as many as can be", "\n".repeat(LONGEST_ENTRY_BYTES)],
    ["nothing but control characters", `${"\u0001".repeat(LONGEST_ENTRY_BYTES - 1)}\n`],
  ])("are what they are one by one: %s", (_, text) => {
    const lines = Buffer.from(text);
    expect(encoder.encode(lines, TAIL)?.toString()).toBe(encodeSingly(lines));
  });

  it("are that for random ones as well", () => {
    const random = new Random(20_261_130);
    const alphabet = [
      "a",
      "Z",
      "0",
      " ",
      '"',
      "\\",
      "<",
      "\n",
      "\t",
      "\u0000",
      "\u007f",
      "é",
      "–",
      "😀",
      "plain text ",
    ];
    for (let round = 0; round < 500; round++) {
      const pieces = Array.from({ length: 1 + random.below(400) }, () => random.pick(alphabet));
      const lines = Buffer.from(`${pieces.join("")}\n`);
      expect(encoder.encode(lines, TAIL)?.toString()).toBe(encodeSingly(lines));
    }
  });

  it("leaves to the slow way what is no UTF-8, what JavaScript would break a line at, and too much at once", () => {
    expect(encoder.encode(Buffer.from([0xff, LF]), TAIL)).toBeUndefined();
    expect(encoder.encode(Buffer.from("a\u2028b\n"), TAIL)).toBeUndefined();
    expect(encoder.encode(Buffer.from(`${"x".repeat(LONGEST_ENTRY_BYTES)}\n`), TAIL)).toBeUndefined();
  });
});

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
