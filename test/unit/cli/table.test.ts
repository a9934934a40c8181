import { describe, expect, it } from "vitest";
import { alignColumns } from "../../../src/cli/table.ts";

describe("alignColumns", () => {
  it("separates columns by three spaces and makes none narrower than ten", () => {
    expect(alignColumns("A\tB\tC\nlonger cell here\t\tx\n")).toBe(
      ["A                  B         C", "longer cell here             x", ""].join("\n"),
    );
  });

  it("counts characters, not bytes", () => {
    expect(alignColumns("éééééééé\tx\n12345678\ty")).toBe("éééééééé   x\n12345678   y");
  });

  it("does not pad what follows the last tab", () => {
    expect(alignColumns("a\tb\nc\t")).toBe("a         b\nc         ");
  });

  // Go's tabwriter made the expected text.
  it("ends a column at a line that has no cell there", () => {
    const text = "A\tB\tC\nlonger cell here\t\tx\né\ty\n\nz\t\t\tw\nq\t\t\t\n\t\tlast\n12345678\tb\tc";
    expect(alignColumns(text).split("\n")).toEqual([
      "A                  B         C",
      "longer cell here             x",
      "é                  y",
      "",
      "z                              w",
      "q                              ",
      "                     last",
      "12345678   b         c",
    ]);
  });
});
