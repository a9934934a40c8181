import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshNamespace, type TestNode } from "../support/namespace.ts";

/** Three containers, made in this order: `web` runs, `done` has exited with 3, `made` was never started. */
describe("ps", () => {
  let node: TestNode;

  beforeAll(async () => {
    node = await freshNamespace();
    const image = await node.load();
    await node.succeed("run", "-d", "--name", "web", "--network", "none", "-l", "tier=front", image, "sleep", "1000");
    await node.cli("run", "--name", "done", "--network", "none", image, "sh", "-c", "exit 3");
    await node.succeed("create", "--name", "made", "--network", "none", image, "echo", "a rather long command line");
  });

  afterAll(async () => {
    await node[Symbol.asyncDispose]();
  });

  async function names(...args: string[]): Promise<string> {
    return (await node.succeed("ps", "--format", "{{.Names}}", ...args)).replaceAll("\n", " ");
  }

  it("shows what runs in docker's columns", async () => {
    const [header, row, ...rest] = (await node.succeed("ps")).split("\n");
    expect(header).toMatch(/^CONTAINER ID {3}IMAGE {5}COMMAND {8}CREATED {2,}STATUS {2,}PORTS {5}NAMES$/);
    expect(row).toMatch(/^[\da-f]{12} {3}busybox {3}"sleep 1000" {3}.* ago {3,}Up .* {3,}web$/);
    expect(rest).toEqual([]);
  });

  it("shows with -a what does not run, newest first", async () => {
    expect(await names("-a")).toBe("made done web");
    expect(await node.succeed("ps", "-a", "--format", "{{.State}}: {{.Status}}")).toMatch(
      /^created: Created\nexited: Exited \(3\) .* ago\nrunning: Up .*$/,
    );
  });

  it("shows the last few, whether they run or not", async () => {
    expect(await names("-n", "2")).toBe("made done");
    expect(await names("-l")).toBe("made");
    expect(await names("-n", "-1")).toBe("web");
  });

  it("cuts ids and commands unless it is told not to", async () => {
    expect(await node.succeed("ps", "-l", "--format", "{{.Command}}")).toBe('"echo \'a rather long…"');
    expect(await node.succeed("ps", "-l", "--no-trunc", "--format", "{{.Command}}")).toBe(
      "\"echo 'a rather long command line'\"",
    );
    expect(await node.succeed("ps", "-q")).toMatch(/^[\da-f]{12}$/);
    expect(await node.succeed("ps", "-q", "--no-trunc")).toMatch(/^[\da-f]{64}$/);
  });

  it.each([
    ["status=exited", "done"],
    ["exited=3", "done"],
    ["exited=0", ""],
    ["name=we", "web"],
    ["name=^/?e", ""],
    ["label=tier", "web"],
    ["label=tier=back", ""],
    ["ancestor=busybox", "made done web"],
    ["before=done", "web"],
    ["since=done", "made"],
    ["network=none", "made done web"],
    ["health=none", "made done web"],
  ])("filters by %s", async (filter, expected) => {
    expect(await names("-a", "--filter", filter)).toBe(expected);
  });

  it("shows sizes when it is asked to, by flag or by template", async () => {
    expect(await node.succeed("ps", "-s")).toMatch(/NAMES {5}SIZE\n.*web {7}[\d.]+k?B \(virtual [\d.]+MB\)$/);
    expect(await node.succeed("ps", "--format", "{{.Size}}")).toMatch(/^[\d.]+k?B \(virtual [\d.]+MB\)$/);
  });

  it("writes one JSON object a line", async () => {
    const lines = (await node.succeed("ps", "-a", "--format", "json")).split("\n");
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { Names: "made", State: "created", LocalVolumes: "0" },
      { Names: "done", State: "exited" },
      { Names: "web", State: "running", Labels: "tier=front", Networks: "none" },
    ]);
  });

  it("warns that a format and -q exclude each other", async () => {
    const result = await node.cli("ps", "-q", "--format", "{{.Names}}");
    expect(result).toMatchObject({
      exitCode: 0,
      stderr: "WARNING: Ignoring custom format, because both --format and --quiet are set.\n",
    });
    expect(result.stdout).toMatch(/^[\da-f]{12}\n$/);
  });

  it.each([
    [["--filter", "foo=bar"], "invalid filter 'foo'"],
    [["--filter", "status=foo"], "invalid value for state (foo)"],
    [["--filter", "before=nope"], "No such container: nope"],
    [["--format", "{{.Foo}}"], "can't evaluate field Foo in type *formatter.ContainerContext"],
    [["--format", "{{.ID"], "failed to parse template: template: :1: unclosed action"],
  ])("refuses %s", async (args, message) => {
    const result = await node.cli("ps", "-a", ...args);
    expect(result).toMatchObject({ exitCode: 1, stdout: "" });
    expect(result.stderr).toContain(message);
  });

  it("sees one namespace only, by flag as by environment", async () => {
    await using other = await freshNamespace();
    expect(await other.succeed("ps", "-aq")).toBe("");
    expect(await other.succeed("-n", node.namespace, "ps", "-a", "--format", "{{.Names}}")).toBe("made\ndone\nweb");
    expect(await other.succeed("ps", "--namespace", node.namespace, "--format", "{{.Names}}")).toBe("web");
  });
});

describe("ps of nothing", () => {
  it("prints the header alone", async () => {
    await using node = await freshNamespace();
    expect(await node.cli("ps")).toEqual({
      exitCode: 0,
      stdout: "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n",
      stderr: "",
    });
  });
});
