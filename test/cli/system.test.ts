import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliResult, runCli } from "../support/cli.ts";
import { freshNamespace } from "../support/namespace.ts";
import { runProgram } from "../support/program.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-s-"));
});

afterEach(async () => {
  await wharf("system", "standalone", "stop");
  await rm(directory, { recursive: true, force: true });
});

/** A wharf that was asked for no containerd, with files of its own. */
async function wharf(...args: string[]): Promise<CliResult> {
  return await runCli(args, { env: environment() });
}

function environment(more: Record<string, string> = {}): Record<string, string | undefined> {
  return {
    CONTAINERD_ADDRESS: undefined,
    WHARF_DATA_ROOT: join(directory, "data"),
    WHARF_RUN_ROOT: join(directory, "run"),
    ...more,
  };
}

describe("system install", () => {
  it("names every program that it found", async () => {
    const { exitCode, stdout, stderr } = await wharf("system", "install");
    expect(stdout).toMatch(/^found {4}containerd: \/\S+\/containerd$/m);
    expect(stdout).toMatch(/^found {4}CNI plugin portmap: \/\S+\/portmap$/m);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  });

  it("says what is missing, how to install it, and fails", async () => {
    const env = environment({ CNI_PATH: join(directory, "no-plugins") });
    const { exitCode, stdout, stderr } = await runCli(["system", "install"], { env });
    expect(exitCode).toBe(1);
    expect(stdout).toContain("missing  CNI plugin bridge: connects containers to networks\n");
    expect(stderr).toContain("wharf system install --yes");
    expect(stderr).toMatch(/^ {2}apt-get install .*containernetworking-plugins$/m);
  });

  it("has the package manager install it with --yes", async () => {
    const plugins = join(directory, "plugins");
    const programs = join(directory, "bin");
    await mkdir(programs);
    await mkdir(plugins);
    // A distribution whose packages are files of this machine.
    await writeFile(
      join(programs, "apt-get"),
      `#!/bin/sh
echo "apt-get $*" >>${directory}/asked
if [ "$1" = install ]; then cp /usr/lib/cni/* ${plugins}/; fi
`,
    );
    await chmod(join(programs, "apt-get"), 0o755);
    const env = environment({ CNI_PATH: plugins, PATH: `${programs}:${process.env.PATH}` });

    const { exitCode, stdout, stderr } = await runCli(["system", "install", "--yes"], { env });

    expect(exitCode).toBe(0);
    expect(stdout).toContain(`found    CNI plugin bridge: ${plugins}/bridge\n`);
    expect(stderr).toContain("+ apt-get install --quiet --yes --no-install-recommends containernetworking-plugins\n");
  });

  it("fails with the package manager", async () => {
    const programs = join(directory, "bin");
    await mkdir(programs);
    await writeFile(join(programs, "apt-get"), "#!/bin/sh\necho broken >&2\nexit 100\n");
    await chmod(join(programs, "apt-get"), 0o755);
    const env = environment({ CNI_PATH: join(directory, "none"), PATH: `${programs}:${process.env.PATH}` });

    const { exitCode, stderr } = await runCli(["system", "install", "--yes"], { env });

    expect(exitCode).toBe(1);
    expect(stderr).toContain("broken\n");
    expect(stderr).toContain("wharf: apt-get failed with exit code 100\n");
  });
});

describe("system install --boot, without systemd", () => {
  const unitPath = "/etc/systemd/system/wharf-supervisor.service";

  it("writes the unit, says how it is put to use, and takes it back", async () => {
    const installed = await wharf("--address", "/run/else.sock", "system", "install", "--boot");
    expect(installed.stdout).toMatch(new RegExp(`^wrote ${unitPath}$`, "m"));
    expect(installed.stderr).toContain("systemctl enable --now wharf-supervisor.service");
    expect(installed.stderr).toContain("wharf supervisor start");
    const unit = await readFile(unitPath, "utf8");
    expect(unit).toContain("\nEnvironment=CONTAINERD_ADDRESS=/run/else.sock\n");
    expect(unit).toContain(`\nEnvironment=WHARF_RUN_ROOT=${join(directory, "run")}\n`);
    // What the unit would run is there and runs.
    const [program = "", ...args] = /^ExecStart=(.+) supervisor start$/m.exec(unit)?.[1]?.split(" ") ?? [];
    expect((await runProgram(program, [...args, "supervisor", "--help"])).stdout).toContain("supervisor");

    expect((await wharf("system", "install", "--boot=false")).stdout).toMatch(new RegExp(`^removed ${unitPath}$`, "m"));
    expect((await wharf("system", "install", "--boot=false")).stdout).toContain(
      "the supervisor is not started at boot\n",
    );
  });
});

describe("system standalone", () => {
  it("keeps a containerd that other commands find", async () => {
    expect(await wharf("system", "standalone", "status")).toEqual({
      exitCode: 3,
      stdout: "containerd does not run\n",
      stderr: "",
    });

    const socket = join(directory, "run/containerd/containerd.sock");
    const installed = await wharf("system", "install", "--standalone");
    expect(installed.stdout).toMatch(new RegExp(`^containerd runs \\(pid \\d+\\) on ${socket}$`, "m"));
    expect(installed.exitCode).toBe(0);

    const pid = /\(pid (\d+)\)/.exec(installed.stdout)?.[1];
    const again = await wharf("system", "standalone", "start");
    expect(again).toEqual({ exitCode: 0, stdout: `containerd runs (pid ${pid}) on ${socket}\n`, stderr: "" });
    expect((await wharf("system", "standalone", "status")).exitCode).toBe(0);
    expect(await wharf("images", "-q")).toEqual({ exitCode: 0, stdout: "", stderr: "" });

    expect(await wharf("system", "standalone", "stop")).toEqual({
      exitCode: 0,
      stdout: "containerd stopped\n",
      stderr: "",
    });
    expect((await wharf("system", "standalone", "status")).exitCode).toBe(3);
    expect((await wharf("system", "standalone", "stop")).stdout).toBe("containerd does not run\n");
  });

  it("takes no other process for its own", async () => {
    await mkdir(join(directory, "run/containerd"), { recursive: true });
    await writeFile(join(directory, "run/containerd/containerd.pid"), `${process.pid}\n`);
    expect((await wharf("system", "standalone", "status")).exitCode).toBe(3);
    expect((await wharf("system", "standalone", "stop")).stdout).toBe("containerd does not run\n");
  });
});

describe("info", () => {
  it("warns of a Node on which a kill of the supervisor may cost output, and of no other", async () => {
    await using node = await freshNamespace();
    const wharf = resolve(fileURLToPath(import.meta.url), "../../../dist/wharf.cjs");

    const info = await node.cliWith({ program: process.execPath }, wharf, "info");

    const warning =
      "WARNING: this Node has no node:ffi, which comes with Node 26: a supervisor that is killed may lose output of containers\n";
    const lacks = !isBuiltin("node:ffi");
    expect(info).toMatchObject({ exitCode: 0, stderr: lacks ? warning : "" });
    const { stdout } = await node.cliWith(
      { program: process.execPath },
      wharf,
      "info",
      "--format",
      "{{json .Warnings}}",
    );
    expect(JSON.parse(stdout)).toEqual(lacks ? [warning.trimEnd()] : null);
  });
});
