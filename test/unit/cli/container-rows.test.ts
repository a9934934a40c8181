import { describe, expect, it } from "vitest";
import { CONTAINER_RAW, CONTAINER_TABLE, containerRows } from "../../../src/cli/container-rows.ts";
import { formatRows } from "../../../src/cli/format.ts";
import type { ContainerSummary } from "../../../src/model/container-view.ts";

const ID = "36847313b2b686f4eb88f25c8cb5aa9442f00ec7d0f372bce9e791e314079479";

const web: ContainerSummary = {
  Id: ID,
  Names: ["/web", "/other/alias"],
  Image: "busybox",
  ImageID: `sha256:${"d".repeat(64)}`,
  Command: `sh -c 'echo "hi there everybody" && sleep 3'`,
  Created: Date.parse("2020-02-03T04:05:06Z") / 1000,
  Ports: [{ IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" }],
  Labels: { b: "", a: "1", "com.example.foo-bar": "x" },
  State: "running",
  Status: "Up 5 minutes",
  HostConfig: { NetworkMode: "bridge" },
  NetworkSettings: { Networks: {} },
  Mounts: [
    {
      Type: "volume",
      Name: "a-volume-with-a-long-name",
      Source: "/v",
      Destination: "/data",
      Driver: "local",
      Mode: "z",
      RW: true,
      Propagation: "",
    },
    { Type: "bind", Source: "/tmp", Destination: "/hosttmp", Mode: "", RW: true, Propagation: "rprivate" },
  ],
};

function show(format: string, { truncated = true, items = [web] } = {}): string {
  return formatRows(containerRows({ truncated }), items, format);
}

describe("the rows of ps", () => {
  it("form docker's table", () => {
    expect(show(CONTAINER_TABLE.replace("\t{{.RunningFor}}", "")).split("\n")).toEqual([
      "CONTAINER ID   IMAGE     COMMAND                   STATUS         PORTS                  NAMES",
      `36847313b2b6   busybox   "sh -c 'echo \\"hi the…"   Up 5 minutes   0.0.0.0:8080->80/tcp   web`,
      "",
    ]);
  });

  it("form a header alone when there are none", () => {
    expect(show(CONTAINER_TABLE, { items: [] })).toBe(
      "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n",
    );
  });

  it("are written out in full without truncation", () => {
    const format = "{{.ID}}|{{.Command}}|{{.Names}}|{{.Mounts}}";
    expect(show(format, { truncated: false })).toBe(
      `${ID}|"sh -c 'echo \\"hi there everybody\\" && sleep 3'"|web,other/alias|a-volume-with-a-long-name,/tmp\n`,
    );
    expect(show("{{.Mounts}}")).toBe("a-volume-with-…,/tmp\n");
  });

  it("are objects with docker's fields, sorted and escaped as docker does, in JSON", () => {
    expect(show("json")).toMatch(/^\{"Command":.*\}\n$/);
    expect(show("json")).toContain(String.raw`"Ports":"0.0.0.0:8080-\u003e80/tcp"`);
    expect(show("{{json .}}")).toBe(show("json"));
    expect(Object.keys(JSON.parse(show("json")) as object)).toEqual([
      "Command",
      "CreatedAt",
      "ID",
      "Image",
      "Labels",
      "LocalVolumes",
      "Mounts",
      "Names",
      "Networks",
      "Platform",
      "Ports",
      "RunningFor",
      "Size",
      "State",
      "Status",
    ]);
  });

  it.each([
    ["{{json .Ports}}", '"0.0.0.0:8080->80/tcp"'],
    ["{{.Labels}}", "a=1,b=,com.example.foo-bar=x"],
    ['{{.Label "com.example.foo-bar"}}|{{.Label "nope"}}|', "x||"],
    ["{{.LocalVolumes}} {{.State}} {{.Platform}} {{.Size}}", "1 running <nil> 0B"],
    ["{{.ID}}\\t{{.Names}}", "36847313b2b6\tweb"],
    [" {{.ID}} ", "36847313b2b6"],
    ["pretty", "pretty"],
  ])("show %s as %s", (format, line) => {
    expect(show(format)).toBe(`${line}\n`);
  });

  it("form tables of any template", () => {
    expect(show('table {{lower .Names}}\\t{{.Label "com.example.foo-bar"}}\\t{{json .ID}}')).toBe(
      'NAMES     foo bar   CONTAINER ID\nweb       x         "36847313b2b6"\n',
    );
  });

  it("show the image's id where the image has lost its name", () => {
    const nameless = { ...web, Image: web.ImageID };
    expect(show("{{.Image}}", { items: [nameless] })).toBe("dddddddddddd\n");
    expect(show("{{.Image}}", { items: [nameless], truncated: false })).toBe(`${web.ImageID}\n`);
  });

  it("leave out the digest of a tagged image", () => {
    const pinned = { ...web, Image: `localhost:5000/box:1@sha256:${"e".repeat(64)}` };
    expect(show("{{.Image}}", { items: [pinned] })).toBe("localhost:5000/box:1\n");
  });

  it("show sizes as docker does", () => {
    expect(show("{{.Size}}", { items: [{ ...web, SizeRw: 2_000, SizeRootFs: 1_982_320 }] })).toBe(
      "2kB (virtual 1.98MB)\n",
    );
  });

  it("form docker's raw blocks", () => {
    expect(show(CONTAINER_RAW)).toContain("container_id: 36847313b2b6\nimage: busybox\n");
    expect(show(CONTAINER_RAW)).toContain("\nstate: running\nstatus: Up 5 minutes\nnames: web\n");
  });

  it.each([
    ["{{.Foo}}", "can't evaluate field Foo in type *formatter.ContainerContext"],
    ["{{.Label}}", "wrong number of args for Label: want 1 got 0"],
    ['{{join .ID ","}}', "wrong type for value; expected []string; got string"],
  ])("complain of %s as docker does", (format, complaint) => {
    expect(() => show(format)).toThrow(`failed to execute template: template: :1:`);
    expect(() => show(format)).toThrow(complaint);
  });

  it("complain of a template that cannot be parsed as docker does", () => {
    expect(() => show("{{.ID")).toThrow("failed to parse template: template: :1: unclosed action");
  });
});
