import { describe, expect, it } from "vitest";
import { runCli } from "../support/cli.ts";

async function stdoutOf(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runCli(args);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout;
}

describe("help", () => {
  it("is the overview when there is no command", async () => {
    const overview = await stdoutOf();
    expect(overview).toMatch(/^Usage: {2}wharf \[OPTIONS\] COMMAND\n\n/);
    for (const heading of ["Common Commands:", "Management Commands:", "Commands:", "Global Options:"]) {
      expect(overview).toContain(`\n\n${heading}\n  `);
    }
    expect(overview).toMatch(/\n {2}run +Create and run a new container from an image\n/);
    for (const spelling of [["--help"], ["-h"], ["help"]]) expect(await stdoutOf(...spelling)).toBe(overview);
  });

  it("lists the commands of a group", async () => {
    const group = await stdoutOf("container");
    expect(group).toMatch(/^Usage: {2}wharf container COMMAND\n\nManage containers\n\nCommands:\n/);
    expect(group).toMatch(/\n {2}ls +List containers\n/);
    expect(await stdoutOf("container", "--help")).toBe(group);
    expect(await stdoutOf("help", "container")).toBe(group);
  });

  it("shows a command's usage, aliases and flags under the name it was called by", async () => {
    const help = await stdoutOf("rm", "--help");
    expect(help).toMatch(
      /^Usage: {2}wharf rm \[OPTIONS\] CONTAINER \[CONTAINER\.\.\.\]\n\nRemove one or more containers\n/,
    );
    expect(help).toContain("\nAliases:\n  wharf container rm, wharf rm, wharf container remove\n");
    expect(help).toMatch(/\nOptions:\n {2}-f, --force +Force the removal of a running container \(uses SIGKILL\)\n/);
    expect(await stdoutOf("help", "rm")).toBe(help);
    expect(await stdoutOf("container", "rm", "--help")).toBe(help.replace("wharf rm [", "wharf container rm ["));
  });

  it("aligns flags without a letter", async () => {
    expect(await stdoutOf("run", "--help")).toMatch(/\nOptions:\n {6}--add-host list +Add/);
    expect(await stdoutOf("ps", "--help")).toMatch(/\n {6}--no-trunc +Don't truncate output\n {2}-q, --quiet/);
  });

  it("is not wanted behind the image: there it is the container's argument", async () => {
    // A flag that is refused before anything is started for the container.
    const result = await runCli(["run", "--memory", "much", "alpine", "--help"]);
    expect(result.exitCode).toBe(125);
    expect(result.stdout).toBe("");
  });

  it("prints the version", async () => {
    expect(await stdoutOf("--version")).toMatch(/^wharf version \d+\.\d+\.\d+\n$/);
    expect(await stdoutOf("-v")).toBe(await stdoutOf("--version"));
  });
});
