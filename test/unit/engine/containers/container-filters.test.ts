import { describe, expect, it } from "vitest";
import { compileFilters, type FilterSubject, impliesAll } from "../../../../src/engine/containers/container-filters.ts";
import type { ContainerSummary } from "../../../../src/model/container-view.ts";
import { Filters } from "../../../../src/model/filters.ts";

const SUMMARY = {
  Id: "4c01db0b339c",
  Names: ["/web"],
  ImageID: "sha256:aa",
  Ports: [
    { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
    { PrivatePort: 53, Type: "udp" },
  ],
  Labels: { tier: "front", empty: "" },
  State: "exited",
  NetworkSettings: { Networks: { bridge: { NetworkID: "17f29b07" } } },
  Mounts: [{ Type: "volume", Name: "data", Destination: "/var/lib/data" }],
} as unknown as ContainerSummary;
const SUBJECT: FilterSubject = {
  summary: SUMMARY,
  createdAt: "2026-01-01T00:00:00.000000002Z",
  running: false,
  exitCode: 3,
  hasRun: true,
  health: "none",
};
const REFERENCES = {
  before: ["2026-01-01T00:00:00.000000003Z"],
  since: ["2026-01-01T00:00:00.000000001Z"],
  ancestorImageIds: new Set(["sha256:aa"]),
};

function matches(...flags: string[]): boolean {
  return compileFilters(Filters.parse(flags), REFERENCES)(SUBJECT);
}

describe("filters of ps", () => {
  it.each([
    "id=4c01",
    "id=339c",
    "name=we",
    "name=^web$",
    "name=^/web$",
    "label=tier",
    "label=tier=front",
    "status=exited",
    "exited=3",
    "health=none",
    "is-task=false",
    "isolation=default",
    "before=other",
    "since=other",
    "ancestor=busybox",
    "volume=data",
    "volume=/var/lib/data",
    "network=bridge",
    "network=17f2",
    "publish=8080",
    "publish=8000-8100/tcp",
    "expose=53/udp",
    "expose=80",
  ])("%s matches", (flag) => {
    expect(matches(flag)).toBe(true);
  });

  it.each([
    "id=zz",
    "name=^we$",
    "name=[",
    "label=tier=back",
    "label=none",
    "status=running",
    "exited=0",
    "health=healthy",
    "is-task=true",
    "volume=other",
    "network=host",
    "publish=80",
    "publish=8080/udp",
    "expose=8080",
  ])("%s does not match", (flag) => {
    expect(matches(flag)).toBe(false);
  });

  it("needs one value of each filter, and all labels", () => {
    expect(matches("status=running", "status=exited", "name=web")).toBe(true);
    expect(matches("status=exited", "name=db")).toBe(false);
    expect(matches("label=tier", "label=none")).toBe(false);
  });

  it.each([
    ["foo=bar", "invalid filter 'foo'"],
    [
      "status=foo",
      "invalid filter 'status=foo': invalid value for state (foo): must be one of created, running, paused, restarting, removing, exited, dead",
    ],
    ["exited=x", `invalid filter 'exited=x': strconv.Atoi: parsing "x": invalid syntax`],
    [
      "health=x",
      "invalid filter 'health=x': invalid value for health (x): must be one of none, starting, healthy, unhealthy",
    ],
    ["is-task=x", "invalid filter 'is-task=[x]'"],
    ["publish=80:80", "filter for 'publish' should not contain ':': 80:80"],
  ])("refuses %s as docker does", (flag, message) => {
    expect(() => matches(flag)).toThrow(message);
  });

  it("shows containers that do not run when a filter asks about them", () => {
    expect(impliesAll(Filters.parse(["exited=0"]))).toBe(true);
    expect(impliesAll(Filters.parse(["name=web"]))).toBe(false);
  });
});
