import { describe, expect, it } from "vitest";
import { createBodyShape } from "../../../src/model/api-bodies.ts";
import { fillCreateBody } from "../../../src/model/create-body.ts";
import {
  integer,
  list,
  mapOf,
  object,
  optional,
  parseJson,
  parseShaped,
  string,
} from "../../../src/model/json-shape.ts";

const shape = object({
  name: string,
  tags: optional(list(string)),
  sizes: optional(mapOf(object({ bytes: integer }))),
});

describe("JSON of a shape", () => {
  it("is returned without what the shape does not name", () => {
    const text = '{"name":"a","tags":null,"sizes":{"x":{"bytes":5}},"other":1,"__proto__":{"polluted":true}}';
    const value = parseShaped(text, shape, "it");
    expect(value).toEqual({ name: "a", sizes: { x: { bytes: 5 } } });
    expect("polluted" in value).toBe(false);
    expect("polluted" in {}).toBe(false);
  });

  it.each([
    ["null", "it is not an object"],
    ["[]", "it is not an object"],
    ["{}", "name is missing"],
    ['{"name":5}', "name is not a string"],
    ['{"name":"a","tags":"x"}', "tags is not a list"],
    ['{"name":"a","tags":["x",5]}', "tags[1] is not a string"],
    ['{"name":"a","sizes":{"y z":{"bytes":1.5}}}', "sizes.y z.bytes is not a whole number"],
    ['{"name":"a","sizes":{"x":[]}}', "sizes.x is not an object"],
  ])("is not %s", (text, reason) => {
    expect(() => parseShaped(text, shape, "what")).toThrow(`what: ${reason}`);
  });

  it("quotes nothing of what it refuses", () => {
    expect(() => parseJson('{"password": hunter2}', "file")).toThrow(/^file: it is not valid JSON$/);
  });

  it("has an end to its depth, brackets in strings aside", () => {
    expect(() => parseJson("[".repeat(100_000), "x")).toThrow("nested too deeply");
    expect(() => parseJson(`${'{"a":'.repeat(300)}1${"}".repeat(300)}`, "x")).toThrow("nested too deeply");
    expect(parseJson(JSON.stringify("[".repeat(1000)), "x")).toHaveLength(1000);
    expect(parseJson(JSON.stringify(`\\"${"{".repeat(1000)}`), "x")).toHaveLength(1002);
  });
});

describe("the body of a container's creation", () => {
  it("has docker's zero values for what is absent or null, and a lone word for a command", () => {
    const text = '{"Image":"x","Cmd":"true","Env":null,"HostConfig":{"Memory":null,"PortBindings":{"80/tcp":null}}}';
    const body = fillCreateBody(parseShaped(text, createBodyShape, "body"));
    expect(body).toMatchObject({ Cmd: ["true"], Env: null, HostConfig: { Memory: 0, PortBindings: { "80/tcp": [] } } });
  });

  it.each([
    ['{"HostConfig":{"Memory":"1g"}}', "HostConfig.Memory is not a whole number"],
    ['{"HostConfig":{"Binds":"/a:/b"}}', "HostConfig.Binds is not a list"],
    ['{"Env":{"A":"b"}}', "Env is not a list"],
    ['{"Tty":"yes"}', "Tty is not true or false"],
    ['{"NetworkingConfig":{"EndpointsConfig":{"x":5}}}', "NetworkingConfig.EndpointsConfig.x is not an object"],
  ])("is not %s", (text, reason) => {
    expect(() => parseShaped(text, createBodyShape, "body")).toThrow(`body: ${reason}`);
  });
});
