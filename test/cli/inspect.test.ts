import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";

describe("inspect", () => {
  let node: TestNode;

  beforeAll(async () => {
    node = await freshNamespace();
    const image = await node.load();
    await node.succeed(
      "run",
      "-d",
      "--name",
      "web",
      "--network",
      "none",
      "-l",
      "a=1",
      "-e",
      "A=b",
      image,
      "sleep",
      "99",
    );
    await node.succeed("create", "--name", "made", "--network", "none", image, "true");
  });

  afterAll(async () => {
    await node[Symbol.asyncDispose]();
  });

  it("prints one array, indented by four", async () => {
    const text = await node.succeed("inspect", "web", "made");
    const containers = JSON.parse(text) as ContainerInspect[];
    expect(containers.map(({ Name }) => Name)).toEqual(["/web", "/made"]);
    expect(text).toBe(JSON.stringify(containers, null, 4));
  });

  it("has docker's fields of a container, nothing null that docker has not", async () => {
    const [made] = JSON.parse(await node.succeed("inspect", "made")) as ContainerInspect[];
    expect(made).toMatchObject({
      Path: "true",
      Args: [],
      State: { Status: "created", Running: false, ExitCode: 0, StartedAt: "0001-01-01T00:00:00Z" },
      Mounts: [],
      RestartCount: 0,
      Config: { Image: "busybox", Cmd: ["true"], Tty: false },
      HostConfig: { NetworkMode: "none", RestartPolicy: { Name: "no" } },
    });
    expect(made?.Id).toMatch(/^[\da-f]{64}$/);
  });

  it("finds containers by name, id and the id's beginning", async () => {
    const id = await node.succeed("inspect", "-f", "{{.Id}}", "web");
    for (const name of ["web", "/web", id, id.slice(0, 12), id.slice(0, 5)]) {
      expect(await node.succeed("inspect", "-f", "{{.ID}}", name)).toBe(id);
    }
  });

  it("finds images where there is no container of the name, and only them if told", async () => {
    expect(await node.succeed("inspect", "-f", "{{.Os}} {{json .RepoTags}}", "busybox")).toBe(
      'linux ["busybox:latest"]',
    );
    expect(await node.succeed("inspect", "--type", "image", "-f", "{{.Os}}", "busybox")).toBe("linux");
    expect(await node.cli("inspect", "--type", "image", "web")).toMatchObject({ exitCode: 1, stdout: "[]\n" });
    expect(await node.cli("inspect", "--type", "container", "busybox")).toMatchObject({ exitCode: 1, stdout: "[]\n" });
    expect(await node.cli("container", "inspect", "busybox")).toMatchObject({ exitCode: 1, stdout: "[]\n" });
  });

  it("prints what it finds, and fails for the rest at the end", async () => {
    expect(await node.cli("inspect", "-f", "{{.Name}}", "ghost", "web", "spook")).toEqual({
      exitCode: 1,
      stdout: "/web\n",
      stderr: "wharf: no such object: ghost\nwharf: no such object: spook\n",
    });
    expect(await node.cli("inspect", "ghost")).toEqual({
      exitCode: 1,
      stdout: "[]\n",
      stderr: "wharf: no such object: ghost\n",
    });
  });

  it.each([
    ["{{.State.Status}} {{.State.Running}}", "running true"],
    ["{{if .State.Health}}checked{{else}}unchecked{{end}}", "unchecked"],
    ['{{index .Config.Labels "a"}} {{.Config.Labels.b}}', "1 <no value>"],
    ["{{json .Config.Cmd}} {{.Config.Cmd}}", '["sleep","99"] [sleep 99]'],
    ["{{range .Config.Env}}{{println .}}{{end}}", /^(?:.*\n)*A=b\n/],
    ["{{.HostConfig.LogConfig.Type}} {{.HostConfig.NetworkMode}}", "json-file none"],
    ["{{.SizeRw}}", "<nil>"],
  ])("runs the template %s", async (template, expected) => {
    expect(await node.succeed("inspect", "-f", template, "web")).toEqual(
      typeof expected === "string" ? expected : expect.stringMatching(expected),
    );
  });

  it("measures sizes with -s", async () => {
    expect(await node.succeed("inspect", "-s", "-f", "{{.SizeRw}} {{.SizeRootFs}}", "web")).toMatch(/^\d+ \d+$/);
  });

  it("refuses a template that cannot be parsed with docker's exit code", async () => {
    expect(await node.cli("inspect", "-f", "{{.Id", "web")).toEqual({
      exitCode: 64,
      stdout: "",
      stderr: "wharf: template parsing error: template: :1: unclosed action\n",
    });
  });

  it("says which field a template asks for in vain", async () => {
    expect(await node.cli("inspect", "-f", "{{.State.Foo}}", "web")).toEqual({
      exitCode: 1,
      stdout: "\n",
      stderr:
        'wharf: template parsing error: template: :1:8: executing "" at <.State.Foo>: map has no entry for key "Foo"\n',
    });
  });

  it("refuses an unknown type", async () => {
    expect(await node.cli("inspect", "--type", "foo", "web")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: 'wharf: unknown type: "foo": must be one of "container", "image"\n',
    });
  });
});
