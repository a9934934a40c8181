import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { transformSync } from "esbuild";
import { describe, expect, it } from "vitest";
import { ALONE_SCENARIOS } from "../chaos/alone-scenarios.ts";
import { COMMAND_SCENARIOS } from "../chaos/command-scenarios.ts";
import type { Scenario } from "../chaos/scenario.ts";
import { shareOf } from "../chaos/share.ts";
import { SUPERVISOR_SCENARIOS } from "../chaos/supervisor-scenarios.ts";
import { findFaultPoints } from "../support/fault-points.ts";

const MODULE = new URL("../../src/fault-point.ts", import.meta.url);

/** Runs a program that passes the point `here` three times and tells of each; with the variable as given. */
function passThreeTimes(variable: string | undefined) {
  const { code } = transformSync(readFileSync(MODULE, "utf8"), { loader: "ts", format: "esm" });
  const program = `${code}\nfor (let n = 1; n <= 3; n++) { faultPoint("here"); console.log(n); }`;
  const { WHARF_FAULT_POINT: _, ...env } = process.env;
  const { signal, status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
    env: variable === undefined ? env : { ...env, WHARF_FAULT_POINT: variable },
  });
  return { end: signal ?? status, passed: stdout.split("\n").filter(Boolean).length, stderr };
}

describe("a fault point", { timeout: 60_000 }, () => {
  it("does nothing unless the environment names it", () => {
    for (const variable of [undefined, "there", "here:0"]) {
      expect(passThreeTimes(variable)).toEqual({ end: 0, passed: 3, stderr: "" });
    }
  });

  it("kills the process at once, and says where", () => {
    const stderr = "killed at the fault point here\n";
    expect(passThreeTimes("here")).toEqual({ end: "SIGKILL", passed: 0, stderr });
    expect(passThreeTimes("here:3")).toEqual({ end: "SIGKILL", passed: 2, stderr });
    expect(passThreeTimes("here:4")).toEqual({ end: 0, passed: 3, stderr: "" });
  });

  it("has a name of its own, which is a literal", () => {
    const points = findFaultPoints();
    expect(points.length).toBeGreaterThan(0);
    for (const { name, file } of points) expect(name, file).toMatch(/^[a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*$/);
    const names = points.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it("is one at which the chaos tests kill, and they kill at no other", () => {
    const scenarios = [...ALONE_SCENARIOS, ...SUPERVISOR_SCENARIOS, ...COMMAND_SCENARIOS];
    const struck = scenarios.flatMap(({ points }) => points);
    expect(struck.toSorted()).toEqual(
      findFaultPoints()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it("is in one of the shares that CI takes turns with", () => {
    const pointsOf = (scenarios: readonly Scenario[]) => scenarios.flatMap(({ points }) => points).sort();
    const shares = [1, 2, 3, 4].map((share) => pointsOf(shareOf(SUPERVISOR_SCENARIOS, `${share}/4`)));
    expect(shares.flat().sort()).toEqual(pointsOf(SUPERVISOR_SCENARIOS));
    for (const points of shares) expect(points.length).toBeGreaterThan(0);
    expect(pointsOf(shareOf(SUPERVISOR_SCENARIOS, ""))).toEqual(pointsOf(SUPERVISOR_SCENARIOS));
    for (const text of ["0/4", "5/4", "1", "a/b"]) expect(() => shareOf(SUPERVISOR_SCENARIOS, text)).toThrow(text);
  });
});
