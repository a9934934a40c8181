import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import { parseSignal } from "../../../src/model/signal.ts";

describe("signals", () => {
  it("has the numbers of this machine", () => {
    for (const [name, number] of Object.entries(constants.signals)) expect(parseSignal(name), name).toBe(number);
  });

  it.each([
    ["15", 15],
    ["term", 15],
    ["sigkill", 9],
    ["SIGRTMIN", 34],
    ["RTMIN+3", 37],
    ["SIGRTMAX-1", 63],
    ["64", 64],
  ])("reads %s", (text, number) => {
    expect(parseSignal(text)).toBe(number);
  });

  it.each(["FOO", "0", "65", "", "-1", "RTMAX+1", "toString"])("refuses %j", (text) => {
    expect(() => parseSignal(text)).toThrow(`invalid signal: ${text}`);
  });
});
