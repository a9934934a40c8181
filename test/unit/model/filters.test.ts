import { describe, expect, it } from "vitest";
import { Filters } from "../../../src/model/filters.ts";

describe("Filters", () => {
  const filters = Filters.parse(["name=web", "Name = db ", "label=a", "label=b=c", "dangling=true"]);

  it("reads flags, the API's parameter, and its older form alike", () => {
    expect(filters.values("name")).toEqual(["web", "db"]);
    expect(Filters.fromJson(filters.toJson()).toJson()).toBe(filters.toJson());
    expect(Filters.fromJson('{"status":{"exited":true}}').values("status")).toEqual(["exited"]);
    expect(Filters.fromJson(undefined).isEmpty).toBe(true);
  });

  it("matches each key in its own way", () => {
    expect(filters.matchesExactly("name", "web")).toBe(true);
    expect(filters.matchesExactly("name", "web1")).toBe(false);
    expect(filters.matchesExactly("status", "anything")).toBe(true);
    expect(filters.matchesPattern("name", "my-web-1")).toBe(true);
    expect(filters.matchesPrefix("name", "web-1")).toBe(true);
    expect(filters.matchesPrefix("name", "my-web")).toBe(false);
    expect(filters.matchesLabels("label", { a: "", b: "c" })).toBe(true);
    expect(filters.matchesLabels("label", { a: "", b: "d" })).toBe(false);
    expect(filters.boolean("dangling", false)).toBe(true);
    expect(filters.boolean("other", true)).toBe(true);
  });

  it("skips what is no regular expression", () => {
    expect(Filters.parse(["name=a("]).matchesPattern("name", "a(")).toBe(true);
    expect(Filters.parse(["name=a("]).matchesPattern("name", "b")).toBe(false);
  });

  it("refuses what it cannot read", () => {
    expect(() => Filters.parse(["name"])).toThrow("bad format of filter (expected name=value)");
    expect(() => Filters.fromJson("[1]")).toThrow("invalid filter: [1]");
    expect(() => filters.checkKeys(["name", "label"])).toThrow("invalid filter 'dangling'");
    expect(() => Filters.parse(["dangling=maybe"]).boolean("dangling", false)).toThrow("invalid filter");
  });
});
