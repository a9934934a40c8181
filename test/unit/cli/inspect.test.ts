import { describe, expect, it } from "vitest";
import { inspectFormat } from "../../../src/cli/inspect.ts";

const container = {
  Id: "abc",
  Name: "/web",
  State: { Status: "running", Running: true, Pid: 7 },
  Config: { Labels: { a: "1" }, Entrypoint: null, Volumes: null, Cmd: ["sleep", "1"] },
  HostConfig: {
    LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
    CapAdd: null,
    PidsLimit: null,
    PortBindings: {},
    NanoCpus: 5,
  },
  NetworkSettings: { Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }], "81/tcp": null } },
};

function show(format: string): string {
  const { show, join } = inspectFormat(format);
  return join([show(container)]);
}

describe("inspect", () => {
  it("prints one array, indented by four, whatever the number of objects", () => {
    const { show, join } = inspectFormat(undefined);
    expect(join([])).toBe("[]\n");
    expect(join([show({ a: [1] })])).toBe(`${JSON.stringify([{ a: [1] }], null, 4)}\n`);
    expect(join([show({ a: {} }), show({ b: [] })])).toBe(`${JSON.stringify([{ a: {} }, { b: [] }], null, 4)}\n`);
  });

  it("prints one line for json", () => {
    expect(show("json")).toBe(`${JSON.stringify([container])}\n`);
  });

  // Each line is what docker 28 prints for a container of these values.
  it.each([
    ["{{.Id}} {{.ID}} {{.Name}}", "abc abc /web"],
    ["{{.State.Health}} {{.SizeRw}} {{.Config.Healthcheck}}", "<nil> <nil> <nil>"],
    ["{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none"],
    ["{{.Config.Labels.a}} {{.Config.Labels.nope}}", "1 <no value>"],
    ['{{index .Config.Labels "nope"}}|', "|"],
    ["{{.Config.Entrypoint}} {{.Config.Volumes}} {{.Config.Cmd}}", "[] map[] [sleep 1]"],
    ["{{.HostConfig.CapAdd}} {{.HostConfig.PidsLimit}} {{.HostConfig.PortBindings}}", "[] <nil> map[]"],
    ["{{.HostConfig.Mounts}} {{.HostConfig.Tmpfs}}", "[] map[]"],
    ["{{.HostConfig.LogConfig.Config}}", "map[max-size:1m]"],
    ["{{.HostConfig.NanoCpus}} {{.HostConfig.NanoCPUs}}", "5 5"],
    ['{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', "8080"],
    ['{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostIP}}', "0.0.0.0"],
    ["{{range $p, $b := .NetworkSettings.Ports}}{{$p}}={{len $b}} {{end}}", "80/tcp=1 81/tcp=0 "],
    ["{{json .Config.Labels}} {{json .Config.Entrypoint}}", '{"a":"1"} null'],
  ])("prints %s as %s", (format, line) => {
    expect(show(format)).toBe(`${line}\n`);
  });

  it.each([
    ["{{.Foo}}", 'template parsing error: template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"'],
    [
      "{{.State.Health.Status}}",
      'template parsing error: template: :1:8: executing "" at <.State.Health.Status>: map has no entry for key "Health"',
    ],
    ["{{.Id", "template parsing error: template: :1: unclosed action"],
  ])("complains of %s as docker does", (format, complaint) => {
    expect(() => show(format)).toThrow(complaint);
  });

  it("prints an empty line when a template had nothing to print", () => {
    expect(inspectFormat("{{.Id}}").join([])).toBe("\n");
  });
});
