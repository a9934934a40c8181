import { describe, expect, it } from "vitest";
import { findCommand } from "../../../src/cli/find-command.ts";

const names = {
  ids: new Set(["container:ls", "container:rm", "version", "system:standalone:start"]),
  aliases: { ps: "container:ls", "container:list": "container:ls", rm: "container:rm" },
};

describe("findCommand", () => {
  it.each([
    ["ps -a", { kind: "command", id: "container:ls", calledAs: "ps", argv: ["-a"] }],
    ["container ls x", { kind: "command", id: "container:ls", calledAs: "container ls", argv: ["x"] }],
    ["container list", { kind: "command", id: "container:ls", calledAs: "container list", argv: [] }],
    ["rm container", { kind: "command", id: "container:rm", calledAs: "rm", argv: ["container"] }],
    [
      "system standalone start",
      { kind: "command", id: "system:standalone:start", calledAs: "system standalone start", argv: [] },
    ],
    ["container", { kind: "group", id: "container", rest: [] }],
    ["container foo", { kind: "group", id: "container", rest: ["foo"] }],
    ["container --help", { kind: "group", id: "container", rest: ["--help"] }],
    ["system standalone", { kind: "group", id: "system:standalone", rest: [] }],
    ["contain", { kind: "unknown" }],
    ["ps:x", { kind: "unknown" }],
  ])("finds `%s`", (line, expected) => {
    expect(findCommand(line.split(" "), names)).toEqual(expected);
  });
});
