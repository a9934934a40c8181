import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const table = readFileSync(join(ROOT, "docs/failure-modes.md"), "utf8");

/** A row of the table: its number, and the tests that it names. */
const rows = [...table.matchAll(/^\| B(?<number>\d+) +\|(?<cells>.*)\|$/gm)].map(({ groups }) => ({
  number: Number(groups?.number),
  tests: testsIn(groups?.cells ?? ""),
}));

/** What stands behind a file's name: `test/x.test.ts`: "one test", "another". */
function testsIn(text: string): { readonly file: string; readonly name: string }[] {
  return [...text.matchAll(/`(?<file>test\/[^`]+)`: (?<names>"[^"]+"(?:, "[^"]+")*)/g)].flatMap(({ groups }) =>
    [...(groups?.names ?? "").matchAll(/"([^"]+)"/g)].map(([, name = ""]) => ({ file: groups?.file ?? "", name })),
  );
}

describe("the table of failure modes", () => {
  it("has a row for each, in order", () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  });

  it("names tests that exist in the other table", () => {
    const [, hosts = ""] = table.split("## A host that is not as it should be");
    const tests = testsIn(hosts);
    expect(tests.length).toBeGreaterThan(10);
    expect(tests.filter(({ file, name }) => !readFileSync(join(ROOT, file), "utf8").includes(name))).toEqual([]);
  });

  it.each(rows)("names tests that exist for B$number", ({ tests }) => {
    expect(tests.length).toBeGreaterThan(0);
    const missing = tests.filter(({ file, name }) => !readFileSync(join(ROOT, file), "utf8").includes(name));
    expect(missing).toEqual([]);
  });
});
