import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { GO_TYPE, TypedNil } from "../../../../src/cli/template/go-value.ts";
import { Template } from "../../../../src/cli/template/template.ts";

interface Case {
  readonly template: string;
  readonly output: string;
  readonly error?: string;
}

const cases = JSON.parse(readFileSync(new URL("cases.json", import.meta.url), "utf8")) as Case[];

/** The value that cases.go runs its templates on. */
const data = {
  ID: "0123456789ab",
  Name: "web <&> é",
  Empty: "",
  Size: 42,
  Ratio: 2.5,
  Running: true,
  Names: ["a", "b", "c"],
  None: TypedNil.list,
  Labels: new Map([
    ["b", "2"],
    ["a", "1"],
    ["with.dot", "3"],
  ]),
  NoMap: TypedNil.map,
  Counts: new Map([["x", 1]]),
  Ports: [
    { IP: "0.0.0.0", Port: 80, [GO_TYPE]: "main.port" },
    { IP: "::", Port: 443, [GO_TYPE]: "main.port" },
  ],
  Config: { User: "root", Env: ["A=1", "B=2"], [GO_TYPE]: "*main.config" },
  Absent: TypedNil.pointerTo("main.config"),
  Any: null,
  Nested: new Map<string, unknown>([
    ["list", ["x", "y"]],
    ["map", new Map([["k", "v"]])],
    ["nil", null],
    ["n", 1],
  ]),
  Label: (name: string) => `label:${name}`,
  Title: () => "The Title",
  [GO_TYPE]: "main.row",
};

function run(text: string): string {
  return Template.parse(text).execute(data);
}

describe("a template", () => {
  it.each(cases.filter((testCase) => testCase.error === undefined))(
    "prints as Go does: $template",
    ({ template, output }) => {
      expect(run(template)).toBe(output);
    },
  );

  it.each(cases.filter((testCase) => testCase.error !== undefined))(
    "complains as Go does: $template",
    ({ template, error }) => {
      expect(() => run(template)).toThrow(error);
    },
  );
});

describe("templates that fuzzing found", () => {
  // As Go's own: a number of digits that nobody means ends the format, and one from an operand is left out.
  it.each([
    ['{{printf "a%99999999d|%s" 5 "x"}}', "a%!(NOVERB)%!(EXTRA int=5, string=x)"],
    ['{{printf "a%.99999999f|%s" 5.5 "x"}}', "a%!(NOVERB)%!(EXTRA float64=5.5, string=x)"],
    ['{{printf "a%*d|%s" 99999999 5 "x"}}', "a%!(BADWIDTH)5|x"],
    ['{{printf "a%.*f|%s" 99999999 5.5 "x"}}', "a%!(BADPREC)5.500000|x"],
    ['{{printf "%.120f" 0.1}}', `0.1000000000000000055511151231257827021181583404541015625${"0".repeat(65)}`],
    ['{{printf "%.120e" 0.1}}', `1.000000000000000055511151231257827021181583404541015625${"0".repeat(66)}e-01`],
  ])("%s is %s", (template, expected) => {
    expect(Template.parse(template).execute({})).toBe(expected);
  });

  it("that nest without end are refused", () => {
    const nested = `{{${"(".repeat(50_000)}1${")".repeat(50_000)}}}`;
    expect(() => Template.parse(nested).execute({})).toThrow("nested too deeply");
  });
});
