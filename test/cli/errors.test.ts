import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli } from "../support/cli.ts";
import { freshNamespace } from "../support/namespace.ts";

/** Three paragraphs, as docker 28 writes them. */
function usage(message: string, usageLine: string, pointer: string): string {
  return `${message}\n\nUsage:  ${usageLine}\n\n${pointer} for more information\n`;
}

const RUN = "wharf run [OPTIONS] IMAGE [COMMAND] [ARG...]";
const PS = "wharf ps [OPTIONS]";

describe("a command line that cannot be understood", () => {
  it.each<[line: string, exitCode: number, stderr: string]>([
    ["foo", 1, "wharf: unknown command: wharf foo\n\nRun 'wharf --help' for more information\n"],
    [
      "container foo",
      1,
      usage("wharf: unknown command: wharf container foo", "wharf container", "Run 'wharf container --help'"),
    ],
    ["--foo ps", 125, usage("unknown flag: --foo", "wharf [OPTIONS] COMMAND [ARG...]", "Run 'wharf --help'")],
    ["run --foo x", 125, usage("unknown flag: --foo", RUN, "Run 'wharf run --help'")],
    ["ps -Z", 125, usage("unknown shorthand flag: 'Z' in -Z", PS, "Run 'wharf ps --help'")],
    ["ps --format", 125, usage("flag needs an argument: --format", PS, "Run 'wharf ps --help'")],
    [
      "ps -n abc",
      125,
      usage(
        'invalid argument "abc" for "-n, --last" flag: strconv.ParseInt: parsing "abc": invalid syntax',
        PS,
        "Run 'wharf ps --help'",
      ),
    ],
    [
      "ps --filter name",
      125,
      usage(
        'invalid argument "name" for "-f, --filter" flag: bad format of filter (expected name=value)',
        PS,
        "Run 'wharf ps --help'",
      ),
    ],
    ["ps extra", 1, usage("wharf: 'wharf ps' accepts no arguments", PS, "Run 'wharf ps --help'")],
    [
      "container ls x",
      1,
      usage(
        "wharf: 'wharf container ls' accepts no arguments",
        "wharf container ls [OPTIONS]",
        "Run 'wharf container ls --help'",
      ),
    ],
    ["run", 1, usage("wharf: 'wharf run' requires at least 1 argument", RUN, "See 'wharf run --help'")],
    [
      "stop",
      1,
      usage(
        "wharf: 'wharf stop' requires at least 1 argument",
        "wharf stop [OPTIONS] CONTAINER [CONTAINER...]",
        "See 'wharf stop --help'",
      ),
    ],
    [
      "rename a",
      1,
      usage(
        "wharf: 'wharf rename' requires 2 arguments",
        "wharf rename CONTAINER NEW_NAME",
        "Run 'wharf rename --help'",
      ),
    ],
    [
      "port a 1 2",
      1,
      usage(
        "wharf: 'wharf port' requires at least 1 and at most 2 arguments",
        "wharf port CONTAINER [PRIVATE_PORT[/PROTO]]",
        "Run 'wharf port --help'",
      ),
    ],
    ["help nope", 1, "unknown help topic: nope\n"],
  ])("`wharf %s` ends with %i", async (line, exitCode, stderr) => {
    expect(await runCli(line.split(" "))).toEqual({ exitCode, stdout: "", stderr });
  });
});

describe("containers that do not exist", () => {
  it.each(["stop", "kill", "rm", "restart", "pause", "unpause", "start", "wait"])(
    "%s reports each and ends with 1",
    async (command) => {
      await using node = await freshNamespace();
      const { exitCode, stdout, stderr } = await node.cli(command, "ghost", "spook");
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr.trimEnd().split("\n")).toEqual([
        expect.stringMatching(/^wharf: .*no such container: ghost$/i),
        expect.stringMatching(/^wharf: .*no such container: spook$/i),
      ]);
    },
  );

  it("goes on with the others, and prints those that worked as they were named", async () => {
    await using node = await freshNamespace();
    const image = await node.load();
    const id = await node.succeed("run", "-d", "--name", "web", "--network", "none", image, "sleep", "100");
    const result = await node.cli("pause", "ghost", id.slice(0, 12));
    expect(result).toMatchObject({ exitCode: 1, stdout: `${id.slice(0, 12)}\n` });
    expect(await node.cli("unpause", "web")).toEqual({ exitCode: 0, stdout: "web\n", stderr: "" });
  });

  it("forgives with rm -f, and says so", async () => {
    await using node = await freshNamespace();
    const result = await node.cli("rm", "-f", "ghost");
    expect(result).toMatchObject({ exitCode: 0, stdout: "" });
    expect(result.stderr).toMatch(/no such container: ghost/i);
  });
});

describe("a containerd that does not run", () => {
  it.each(["ps", "images", "inspect x", "info", "namespace ls", "port web", "top web"])(
    "is what `wharf %s` complains of, with a way out",
    async (line) => {
      const { exitCode, stdout, stderr } = await runCli(line.split(" "), {
        env: { CONTAINERD_ADDRESS: "/nowhere/containerd.sock" },
      });
      expect(exitCode).toBe(1);
      expect(stdout).toBe(line.startsWith("inspect") ? "[]\n" : "");
      expect(stderr).toBe(
        "wharf: containerd is not running at /nowhere/containerd.sock\n" +
          "start it with `systemctl start containerd`, or set one up with `wharf system install --standalone`\n",
      );
    },
  );

  it("does not keep `version` from telling its own", async () => {
    const result = await runCli(["version"], { env: { CONTAINERD_ADDRESS: "/nowhere/containerd.sock" } });
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toMatch(/^Client:\n Version: {11}\d+\.\d+\.\d+\n/);
    expect(result.stdout).not.toContain("Server:");
    expect(result.stderr).toContain("containerd is not running at /nowhere/containerd.sock");
  });

  it("shows causes with --debug alone", async () => {
    const env = { CONTAINERD_ADDRESS: "/nowhere/containerd.sock" };
    expect((await runCli(["--debug", "ps"], { env })).stderr).toContain("[cause]");
    expect((await runCli(["ps"], { env })).stderr).not.toContain("[cause]");
  });

  it("is started by no command that needs a supervisor", async () => {
    const directory = await mkdtemp(join(tmpdir(), "wharf-errors-"));
    const env = {
      CONTAINERD_ADDRESS: "/nowhere/containerd.sock",
      WHARF_RUN_ROOT: directory,
      WHARF_DATA_ROOT: directory,
    };
    const result = await runCli(["stop", "web"], { env });
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain("containerd is not running at /nowhere/containerd.sock");
    await runCli(["supervisor", "stop"], { env });
    await rm(directory, { recursive: true });
  });
});
