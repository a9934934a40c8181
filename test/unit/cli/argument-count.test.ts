import { describe, expect, it } from "vitest";
import { checkArgumentCount } from "../../../src/cli/argument-count.ts";
import { UsageError } from "../../../src/cli/usage-error.ts";

const one = { required: true };
const optional = {};
const many = { required: true, multiple: true };

describe("checkArgumentCount", () => {
  it.each<[args: Record<string, object>, counts: number[]]>([
    [{}, [0]],
    [{ a: one }, [1]],
    [{ a: one, b: optional }, [1, 2]],
    [{ a: many }, [1, 2, 7]],
    [{ a: one, b: many }, [2, 3]],
  ])("accepts as many as %o takes", (args, counts) => {
    for (const count of counts) checkArgumentCount("x", Array(count).fill("a"), args);
  });

  // docker 28 was asked for each of these.
  it.each<[args: Record<string, object>, count: number, complaint: string, pointer: "Run" | "See"]>([
    [{}, 1, "accepts no arguments", "Run"],
    [{ a: one }, 0, "requires 1 argument", "Run"],
    [{ a: one, b: one }, 3, "requires 2 arguments", "Run"],
    [{ a: many }, 0, "requires at least 1 argument", "See"],
    [{ a: one, b: many }, 1, "requires at least 2 arguments", "See"],
    [{ a: one, b: optional }, 0, "requires at least 1 and at most 2 arguments", "Run"],
    [{ a: optional }, 2, "requires at most 1 argument", "Run"],
  ])("refuses for %o %i arguments: %s", (args, count, complaint, pointer) => {
    const expected = new UsageError(`wharf: 'wharf ps' ${complaint}`, { exitCode: 1, pointer });
    expect(() => checkArgumentCount("ps", Array(count).fill("a"), args)).toThrow(expected);
  });
});
