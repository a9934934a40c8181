import { expect, it } from "vitest";
import { parseSeccomp } from "../../../src/spec/seccomp.ts";

const SCENE = { host: { architecture: "amd64", kernelVersion: "6.1.0" }, capabilities: [] };

it.each([
  ['{"defaultAction":"x","syscalls":"y"}', "syscalls is not a list"],
  ['{"defaultAction":"x","syscalls":[null]}', "syscalls[0] is not an object"],
  ['{"defaultAction":5}', "defaultAction is not a string"],
  ['{"defaultAction":"x","syscalls":[{"names":"read"}]}', "syscalls[0].names is not a list"],
  ["[]", "it is not an object"],
  ["{", "it is not valid JSON"],
])("a seccomp profile is not %s", (text, reason) => {
  expect(() => parseSeccomp(text, SCENE)).toThrow(`decoding seccomp profile failed: ${reason}`);
});
