import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { takeStartTurn } from "../../../src/cli/start-turn.ts";
import { currentProcessMark } from "../../../src/store/process-mark.ts";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wharf-turn-"));
  path = join(directory, "turn");
});

afterEach(() => rmSync(directory, { recursive: true }));

describe("the turn to start a supervisor", () => {
  it("is one command's at a time, until it is given up", () => {
    const turn = takeStartTurn(path);
    expect(turn).toBeDefined();
    expect(takeStartTurn(path)).toBeUndefined();

    turn?.[Symbol.dispose]();

    expect(existsSync(path)).toBe(false);
    expect(takeStartTurn(path)).toBeDefined();
  });

  it.each([
    ["was killed", "00000000-0000-0000-0000-000000000000/1/1/1", 0],
    ["has had it for long", currentProcessMark(), -10_000],
    ["was killed before it had said who it is", "", -10_000],
    ["has had it since before the clock was set back", currentProcessMark(), 10_000],
  ])("goes over to another one when its holder %s", (_what, mark, ageMs) => {
    writeFileSync(path, mark);
    const at = new Date(Date.now() + ageMs);
    utimesSync(path, at, at);

    takeStartTurn(path)?.[Symbol.dispose]();

    expect(takeStartTurn(path)).toBeDefined();
  });
});
