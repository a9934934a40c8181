import { stat } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { waitUntil } from "../support/wait-until.ts";

/** 100 MB, or a gigabyte where there is time for it. */
const HEAVY = process.env.WHARF_TEST_HEAVY !== undefined;
const LINES = HEAVY ? 10_000_000 : 1_000_000;
/** With the number in front of it and the line feed, 100 bytes a line. */
const TEXT = "t".repeat(91);
const TIMEOUT_MS = HEAVY ? 900_000 : 240_000;

let node: TestNode;

beforeEach(async () => {
  node = await freshNamespace();
  await node.load();
});

afterEach(async () => {
  await node[Symbol.asyncDispose]();
});

async function write(name: string, ...flags: string[]): Promise<void> {
  const script = `awk 'BEGIN { for (i = 1; i <= ${LINES}; i++) printf "%08d${TEXT}\\n", i }'`;
  await node.succeed("run", "-d", "--name", name, "--network", "none", ...flags, "busybox", "sh", "-c", script);
}

function line(number: number): string {
  return `${String(number).padStart(8, "0")}${TEXT}`;
}

describe(`a log of ${LINES * 100} bytes`, () => {
  it(
    "is followed while it is written, and its tail and its whole are shown afterwards",
    async () => {
      await write("big");
      const following = node.start({ timeoutMs: TIMEOUT_MS }, "logs", "-f", "big");
      const followed = await following.result;
      expect(followed).toMatchObject({ exitCode: 0, stderr: "" });
      expect(followed.stdout.length).toBe(LINES * 100);
      expect(followed.stdout.endsWith(`\n${line(LINES)}\n`)).toBe(true);

      expect(await node.succeed("wait", "big")).toBe("0");
      const tail = [LINES - 2, LINES - 1, LINES].map(line).join("\n");
      expect(await node.succeed("logs", "--tail", "3", "big")).toBe(tail);
      const whole = await node.cliWith({ timeoutMs: TIMEOUT_MS }, "logs", "big");
      expect(whole.stdout === followed.stdout).toBe(true);
    },
    TIMEOUT_MS,
  );

  it(
    "takes no more room than it may, and keeps the end",
    async () => {
      await write("bounded", "--log-opt", "max-size=4m", "--log-opt", "max-file=3");
      await node.cliWith({ timeoutMs: TIMEOUT_MS }, "wait", "bounded");

      const path = await node.succeed("inspect", "--format", "{{.LogPath}}", "bounded");
      const files = [path, `${path}.1`, `${path}.2`];
      await waitUntil(
        "the log is closed",
        async () => {
          const shown = await node.succeed("logs", "--tail", "1", "bounded");
          return shown === line(LINES);
        },
        60_000,
      );
      for (const file of files) expect((await stat(file)).size).toBeLessThan(4_400_000);
      await expect(stat(`${path}.3`)).rejects.toThrow("ENOENT");
      const kept = (await node.succeed("logs", "bounded")).split("\n");
      expect(kept.length).toBeGreaterThan(40_000);
      for (const [index, text] of kept.entries()) {
        if (text !== line(LINES - kept.length + 1 + index)) expect(text).toBe(line(LINES - kept.length + 1 + index));
      }
    },
    TIMEOUT_MS,
  );
});
