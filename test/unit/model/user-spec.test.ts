import { describe, expect, it } from "vitest";
import { isNumericUser, resolveUser } from "../../../src/model/user-spec.ts";

const database = {
  passwd: "root:x:0:0:root:/root:/bin/sh\n# a comment\nweb:x:33:34:web:/srv/www:/bin/false\nbroken\n",
  group: "root:x:0:\nwww:x:34:\nadm:x:4:web,root\nwheel:x:10:root\n1000:x:77:\n",
};

function resolve(user: string, groupAdd: string[] = []) {
  return resolveUser({ user, groupAdd }, database);
}

describe("resolveUser", () => {
  it.each([
    ["", { uid: 0, gid: 0, additionalGids: [4, 10], home: "/root" }],
    ["web", { uid: 33, gid: 34, additionalGids: [4], home: "/srv/www" }],
    ["33", { uid: 33, gid: 34, additionalGids: [4], home: "/srv/www" }],
    ["web:wheel", { uid: 33, gid: 10, additionalGids: [], home: "/srv/www" }],
    ["web:", { uid: 33, gid: 34, additionalGids: [4], home: "/srv/www" }],
    [":wheel", { uid: 0, gid: 10, additionalGids: [], home: "/root" }],
    ["1000", { uid: 1000, gid: 0, additionalGids: [], home: "/" }],
    ["1000:1000", { uid: 1000, gid: 1000, additionalGids: [], home: "/" }],
  ])("resolves %j", (user, expected) => {
    expect(resolve(user)).toEqual(expected);
  });

  it("adds groups by name and number, each once", () => {
    expect(resolve("1000", ["wheel", "20", "10"]).additionalGids).toEqual([10, 20]);
  });

  it.each([
    ["nouser", "unable to find user nouser: no matching entries in passwd file"],
    ["0:nogroup", "unable to find group nogroup: no matching entries in group file"],
    ["4294967296", "uids and gids must be in range 0-2147483647"],
    ["-5", "uids and gids must be in range 0-2147483647"],
  ])("refuses %s", (user, message) => {
    expect(() => resolve(user)).toThrow(message);
  });

  it("does without a database where there are only numbers", () => {
    expect(resolveUser({ user: "", groupAdd: [] }, { passwd: "", group: "" })).toMatchObject({ uid: 0, gid: 0 });
    expect(isNumericUser({ user: "1000:1000", groupAdd: ["5"] })).toBe(true);
    expect(isNumericUser({ user: "1000", groupAdd: [] })).toBe(false);
    expect(isNumericUser({ user: "1000:1000", groupAdd: ["wheel"] })).toBe(false);
  });
});

describe("a user database that somebody broke", () => {
  it.each([
    "nobody:x:abc:5::/:",
    "nobody:x::5::/:",
    "nobody:x:-1:5::/:",
    "nobody:x:99999999999999999999:5::/:",
    "nobody:x:5:6553c::/:",
  ])("has no user in the line %s, least of all root", (line) => {
    expect(() => resolveUser({ user: "nobody", groupAdd: [] }, { passwd: line, group: "" })).toThrow(
      "unable to find user nobody",
    );
  });

  it.each(["users:x:abc:", "users:x:1e3:", "users:x:-5:"])("has no group in the line %s", (line) => {
    expect(() => resolveUser({ user: "0:users", groupAdd: [] }, { passwd: "", group: line })).toThrow(
      "unable to find group users",
    );
  });
});
