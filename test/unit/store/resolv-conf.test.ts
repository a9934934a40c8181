import { describe, expect, it } from "vitest";
import { containerResolvConf, usesResolvedStub } from "../../../src/store/resolv-conf.ts";

const NO_OVERRIDES = { servers: [], search: [], options: [] };
const OWN = { ownNetwork: true };

function linesOf(host: string, overrides = NO_OVERRIDES as Parameters<typeof containerResolvConf>[1], network = OWN) {
  return containerResolvConf(host, overrides, network)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

describe("a container's resolv.conf", () => {
  it("is the host's", () => {
    const host =
      "# comment\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch a.example b.example\noptions ndots:3 edns0\nsortlist 192.0.2.0\n";

    expect(linesOf(host)).toEqual([
      "nameserver 192.0.2.1",
      "nameserver 192.0.2.2",
      "search a.example b.example",
      "options ndots:3 edns0",
      "sortlist 192.0.2.0",
    ]);
  });

  it("leaves out nameservers that a network of its own does not reach", () => {
    expect(linesOf("nameserver 127.0.0.1\nnameserver ::1\nnameserver 2001:db8::53\nnameserver 192.0.2.1\n")).toEqual([
      "nameserver 192.0.2.1",
    ]);
  });

  it("has public ones when none is left, and only then", () => {
    expect(linesOf("nameserver 127.0.0.53\nsearch lan\n")).toEqual([
      "nameserver 8.8.8.8",
      "nameserver 8.8.4.4",
      "search lan",
    ]);
    expect(linesOf("")).toEqual(["nameserver 8.8.8.8", "nameserver 8.8.4.4"]);
    expect(linesOf("nameserver 127.0.0.53\n", NO_OVERRIDES, { ownNetwork: false })).toEqual(["nameserver 127.0.0.53"]);
    expect(linesOf("", NO_OVERRIDES, { ownNetwork: false })).toEqual([]);
  });

  it("takes what the user says, loopback too", () => {
    const overrides = { servers: ["127.0.0.1"], search: ["example.org"], options: ["use-vc"] };

    expect(linesOf("nameserver 192.0.2.1\nsearch lan\noptions ndots:3\n", overrides)).toEqual([
      "nameserver 127.0.0.1",
      "search example.org",
      "options use-vc",
    ]);
  });

  it("searches nowhere for a dot", () => {
    expect(linesOf("nameserver 192.0.2.1\nsearch lan\n", { ...NO_OVERRIDES, search: ["."] })).toEqual([
      "nameserver 192.0.2.1",
    ]);
  });

  it("takes the last search line, and `domain` for one", () => {
    expect(linesOf("nameserver 192.0.2.1\nsearch one\ndomain two\n")).toEqual(["nameserver 192.0.2.1", "search two"]);
  });
});

describe("systemd-resolved's stub", () => {
  it("is known by being the only nameserver", () => {
    expect(usesResolvedStub("nameserver 127.0.0.53\noptions edns0\n")).toBe(true);
    expect(usesResolvedStub("nameserver 127.0.0.53\nnameserver 192.0.2.1\n")).toBe(false);
    expect(usesResolvedStub("nameserver 127.0.0.1\n")).toBe(false);
  });
});
