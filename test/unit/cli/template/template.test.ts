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
