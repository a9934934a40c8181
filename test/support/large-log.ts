import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freshNamespace, type TestNode } from "./namespace.ts";
import { waitUntil } from "./wait-until.ts";

const WHARF = resolve(fileURLToPath(import.meta.url), "../../../bin/wharf");
/** With the number in front of it and the line feed, 100 bytes a line. */
const TEXT = "t".repeat(91);

/** Defines the tests of logs of so many lines. */
export function testLargeLogs({ lines, timeoutMs }: { readonly lines: number; readonly timeoutMs: number }): void {
  let node: TestNode;

  beforeEach(async () => {
    node = await freshNamespace();
    await node.load();
  });

  afterEach(async () => {
    await node[Symbol.asyncDispose]();
  });

  async function write(name: string, ...flags: string[]): Promise<void> {
    const script = `awk 'BEGIN { for (i = 1; i <= ${lines}; i++) printf "%08d${TEXT}\\n", i }'`;
    await node.succeed("run", "-d", "--name", name, "--network", "none", ...flags, "busybox", "sh", "-c", script);
  }

  /** What `sha256sum` makes of the output of `wharf COMMAND`, which may be longer than a string. */
  async function checksum(command: string): Promise<string> {
    const script = `set -o pipefail; ${WHARF} ${command} | sha256sum`;
    const result = await node.cliWith({ program: "/bin/bash", timeoutMs }, "-c", script);
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    return result.stdout.slice(0, 64);
  }

  describe(`a log of ${lines * 100} bytes`, () => {
    it(
      "is followed while it is written, and its tail and its whole are shown afterwards",
      async () => {
        await write("big");
        const written = checksumOfLines(lines);

        expect(await checksum("logs -f big")).toBe(written);

        expect(await node.succeed("wait", "big")).toBe("0");
        const tail = [lines - 2, lines - 1, lines].map(line).join("\n");
        expect(await node.succeed("logs", "--tail", "3", "big")).toBe(tail);
        expect(await checksum("logs big")).toBe(written);
      },
      timeoutMs,
    );

    it(
      "takes no more room than it may, and keeps the end",
      async () => {
        await write("bounded", "--log-opt", "max-size=4m", "--log-opt", "max-file=3");
        await node.cliWith({ timeoutMs }, "wait", "bounded");

        const path = await node.succeed("inspect", "--format", "{{.LogPath}}", "bounded");
        const files = [path, `${path}.1`, `${path}.2`];
        await waitUntil("the log is closed", async () => {
          return (await node.succeed("logs", "--tail", "1", "bounded")) === line(lines);
        });
        for (const file of files) expect((await stat(file)).size).toBeLessThan(4_400_000);
        await expect(stat(`${path}.3`)).rejects.toThrow("ENOENT");
        const kept = (await node.succeed("logs", "bounded")).split("\n");
        expect(kept.length).toBeGreaterThan(40_000);
        for (const [index, text] of kept.entries()) {
          const expected = line(lines - kept.length + 1 + index);
          if (text !== expected) expect(text).toBe(expected);
        }
      },
      timeoutMs,
    );
  });
}

function line(number: number): string {
  return `${String(number).padStart(8, "0")}${TEXT}`;
}

function checksumOfLines(count: number): string {
  const hash = createHash("sha256");
  for (let first = 1; first <= count; first += 1000) {
    const last = Math.min(count, first + 999);
    hash.update(Array.from({ length: last - first + 1 }, (_, index) => `${line(first + index)}\n`).join(""));
  }
  return hash.digest("hex");
}
