import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeOfFile } from "../support/file-node.ts";
import { waitUntil } from "../support/wait-until.ts";

const node = nodeOfFile();
const image = "busybox";
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "run-flags-"));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** What a failed `run` must not have left: anything. */
async function footprint(): Promise<unknown> {
  const { containers, snapshots, tasks, leases } = node.client;
  const [all, allSnapshots, running, held] = await Promise.all([
    containers.list(),
    snapshots.list(),
    tasks.list(),
    leases.list(),
  ]);
  return { containers: all.length, snapshots: allSnapshots.length, tasks: running.length, leases: held.length };
}

/** A lease goes a moment after the command has ended. */
async function nothingMoreThan(before: unknown): Promise<void> {
  await waitUntil("nothing is left", async () => isDeepStrictEqual(await footprint(), before));
}

describe("a flag's value that cannot be", () => {
  it.each([
    ["-m foo", `invalid argument "foo" for "-m, --memory" flag: invalid size: 'foo'`],
    ["--memory -1", `invalid argument "-1" for "-m, --memory" flag: invalid size: '-1'`],
    ["--cpus foo", 'invalid argument "foo" for "--cpus" flag: failed to parse foo as a rational number'],
    ["--ulimit foo=1", 'invalid argument "foo=1" for "--ulimit" flag: invalid ulimit type: foo'],
    ["--mount foo", `invalid argument "foo" for "--mount" flag: invalid field 'foo' must be a key=value pair`],
    ["--mount type=bind", 'invalid argument "type=bind" for "--mount" flag: target is required'],
    ["-e =x", 'invalid argument "=x" for "-e, --env" flag: invalid environment variable: =x'],
    ["-l =x", `invalid argument "=x" for "-l, --label" flag: invalid label '=x': empty name`],
    ["--dns foo", 'invalid argument "foo" for "--dns" flag: IP address is not correctly formatted: foo'],
    ["--add-host foo", 'invalid argument "foo" for "--add-host" flag: bad format for add-host: "foo"'],
    [
      "--sysctl kernel.foo=1",
      `invalid argument "kernel.foo=1" for "--sysctl" flag: sysctl 'kernel.foo=1' is not allowed`,
    ],
    ["-a foo", 'invalid argument "foo" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR'],
    [
      "--pids-limit foo",
      'invalid argument "foo" for "--pids-limit" flag: strconv.ParseInt: parsing "foo": invalid syntax',
    ],
    ["--health-interval 5", 'invalid argument "5" for "--health-interval" flag: time: missing unit in duration "5"'],
    ["--blkio-weight 70000", 'strconv.ParseUint: parsing "70000": value out of range'],
    ["--init=maybe", 'invalid argument "maybe" for "--init" flag: strconv.ParseBool: parsing "maybe": invalid syntax'],
    ["--detach-keys foo", `invalid argument "foo" for "--detach-keys" flag: Unknown character: 'foo'`],
    ["-p foo", "wharf: invalid containerPort: foo"],
    ["-p 70000:80", "wharf: invalid hostPort: 70000"],
    ["-p 1.2.3.4.5:80:80", "wharf: invalid IP address: 1.2.3.4.5"],
    ["--expose foo", "wharf: invalid range format for --expose: foo"],
    ["-v /x:/y:/z:w", "wharf: invalid spec: /x:/y:/z:w: too many colons"],
    ["-v /x:/y:foo", "wharf: invalid mode: foo"],
    ["-v /x:y", "wharf: invalid volume specification: '/x:y'"],
    ["-v a/b:/x", 'wharf: create a/b: "a/b" includes invalid characters for a local volume name'],
    ["--mount type=bind,src=/nonexistent,dst=/x", "bind source path does not exist: /nonexistent"],
    ["--tmpfs x", "wharf: invalid mount path: 'x' mount path must be absolute"],
    ["--tmpfs /x:foo", 'wharf: invalid tmpfs option "foo"'],
    ["-v /tmp:/x --tmpfs /x", "wharf: duplicate mount point: /x"],
    ["--device /dev/null:/dev/x:z", "wharf: bad mode specified: z"],
    ["--restart foo", "wharf: invalid restart policy: unknown policy 'foo'"],
    ["--rm --restart always", "wharf: conflicting options: cannot specify both --restart and --rm"],
    ["--stop-signal FOO", "wharf: invalid signal: FOO"],
    ["--cap-add FOO", 'wharf: invalid CapAdd: unknown capability: "CAP_FOO"'],
    ["--security-opt foo", 'wharf: invalid --security-opt: "foo"'],
    ["--pid foo", "wharf: --pid: invalid PID mode"],
    ["--ipc foo", "wharf: invalid IPC mode: foo"],
    ["--network container:nosuch", "No such container: nosuch"],
    ["--network nosuch", "network nosuch not found"],
    ["--network none --ip 10.0.0.9", "user specified IP address is supported on user defined networks only"],
    ["--ip 10.0.0.9", "user specified IP address is supported on user defined networks only"],
    ["--ip foo", "invalid IPv4 address: foo"],
    ["--mac-address foo", "wharf: foo is not a valid mac address"],
    ["--runtime foo", "wharf: unknown or invalid runtime name: foo"],
    ["--log-driver foo", 'wharf: error looking up logging plugin foo: plugin "foo" not found'],
    ["--log-opt foo=bar", "wharf: unknown log opt 'foo' for json-file log driver"],
    ["--log-driver none --log-opt max-size=1m", "wharf: invalid logging opts for driver none"],
    ["--log-opt max-file=0", "max-file cannot be less than 1"],
    ["-w relative", "wharf: the working directory 'relative' is invalid, it needs to be an absolute path"],
    ["-u nouser", "wharf: unable to find user nouser: no matching entries in passwd file"],
    ["-u 0:nogroup", "wharf: unable to find group nogroup: no matching entries in group file"],
    ["-u -5", "wharf: uids and gids must be in range 0-2147483647"],
    ["--env-file /nonexistent", "wharf: open /nonexistent: no such file or directory"],
    ["--name a/b", "nvalid container name (a/b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"],
    ["--oom-score-adj 2000", "range for oom score adj is [-1000, 1000]"],
    ["-m 4m", "inimum memory limit allowed is 6MB"],
    ["-m 64m --memory-swap 32m", "inimum memoryswap limit should be larger than memory limit"],
    ["--cpus 1000", "range of CPUs is from 0.01 to"],
    ["--cpuset-cpus x", "nvalid value x for cpuset cpus: invalid format: x"],
    ["--memory-swappiness 101", "wharf: invalid value: 101. Valid memory swappiness range is 0-100"],
    ["--health-cmd x --no-healthcheck", "wharf: --no-healthcheck conflicts with --health-* options"],
    ["--pull foo", `invalid pull option: 'foo': must be one of "always", "missing" or "never"`],
    [
      "--cidfile /nonexistent/x",
      "failed to create the container ID file: open /nonexistent/x: no such file or directory",
    ],
    ["--device /etc/passwd", 'error gathering device information while adding custom device "/etc/passwd"'],
  ])("%s: 125, and nothing left", async (flags, message) => {
    const before = await footprint();
    const network = flags.includes("--network") || flags.startsWith("--ip ") ? [] : ["--network", "none"];
    const rm = flags.startsWith("--restart") ? [] : ["--rm"];
    const { exitCode, stdout, stderr } = await node.cli("run", ...rm, ...network, ...flags.split(" "), image, "true");
    expect({ exitCode, stdout }).toEqual({ exitCode: 125, stdout: "" });
    expect(stderr).toContain(message);
    await nothingMoreThan(before);
  });
});

describe("a run that fails later", () => {
  it("does not find the image", async () => {
    const before = await footprint();
    const missing = await node.cli("run", "--rm", "--pull", "never", "nosuch:x", "true");
    expect(missing).toEqual({ exitCode: 125, stdout: "", stderr: "wharf: No such image: nosuch:x\n" });
    const malformed = await node.cli("run", "--rm", "UPPER/Case", "true");
    expect(malformed).toMatchObject({ exitCode: 125, stdout: "" });
    expect(malformed.stderr).toContain("invalid reference format");
    const unreachable = await node.cli("run", "--rm", "127.0.0.1:1/nosuch", "true");
    expect(unreachable).toMatchObject({ exitCode: 125, stdout: "" });
    expect(unreachable.stderr).toContain("Unable to find image '127.0.0.1:1/nosuch:latest' locally\n");
    await nothingMoreThan(before);
  });

  it.each([
    ["nosuch", 127],
    ["/etc/passwd", 126],
    ["/tmp", 126],
  ])("cannot execute %s: %i", async (command, code) => {
    const before = await footprint();
    const { exitCode, stdout, stderr } = await node.cli("run", "--rm", "--network", "none", image, command);
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: "" });
    expect(stderr).toContain(command);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    await nothingMoreThan(before);
  });

  it("without --rm leaves a container that was created", async () => {
    const { exitCode } = await node.cli("run", "--name", "failed", "--network", "none", image, "nosuch");
    expect(exitCode).toBe(127);
    expect(await node.succeed("ps", "-a", "--format", "{{.Names}} {{.Status}}")).toBe("failed Created");
    const taken = await node.cli("run", "--rm", "--name", "failed", "--network", "none", image, "true");
    expect(taken).toMatchObject({ exitCode: 125, stdout: "" });
    expect(taken.stderr).toContain('The container name "/failed" is already in use');
    await node.succeed("rm", "failed");
  });

  it("takes its --cidfile along", async () => {
    const cidFile = join(directory, "cid");
    await node.cli("run", "--rm", "--cidfile", cidFile, "--network", "none", "-w", "relative", image, "true");
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("streams", () => {
  it("conflict with being detached", async () => {
    const { exitCode, stdout, stderr } = await node.cli("run", "-d", "-a", "stdout", image, "true");
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toBe("wharf: conflicting options: cannot specify both --attach and --detach\n");
  });

  it("are no terminal where there is none", async () => {
    expect(await node.cli("run", "--rm", "-it", image, "true")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "wharf: the input device is not a TTY\n",
    });
  });

  it("can be attached one by one", async () => {
    const script = "echo out; echo err >&2";
    const run = (...flags: string[]) =>
      node.cli("run", "--rm", "--network", "none", ...flags, image, "sh", "-c", script);
    expect(await run("-a", "stdout")).toEqual({ exitCode: 0, stdout: "out\n", stderr: "" });
    expect(await run("-a", "STDERR")).toEqual({ exitCode: 0, stdout: "", stderr: "err\n" });
    expect(await run("-a", "stdout", "-a", "stderr")).toEqual({ exitCode: 0, stdout: "out\n", stderr: "err\n" });
  });
});

describe("docker's flags that do nothing here", () => {
  it.each([
    ["--gpus all", "--gpus: no GPU is passed to the container"],
    ["--link a:b", "--link: the container does not learn the other one's name and environment"],
    ["--kernel-memory 50m", "--kernel-memory: no kernel has this limit any more"],
    ["--storage-opt size=1g", "--storage-opt: the snapshotter takes no options"],
    ["--cpu-count 2", "--cpu-count: limits Windows containers only"],
    ["--use-api-socket", "--use-api-socket: the API socket is not mounted into the container"],
    ["--log-opt tag=x", "log opt 'tag' is recorded and has no effect."],
  ])("%s: one line, and the container runs", async (flags, warning) => {
    const result = await node.cli("run", "--rm", "--network", "none", ...flags.split(" "), image, "echo", "ran");
    expect(result).toEqual({ exitCode: 0, stdout: "ran\n", stderr: `WARNING: ${warning}\n` });
  });

  it.each([
    "--disable-content-trust",
    "--userns host",
    "--isolation default",
    "-q",
    "--cgroupns host",
    "--volume-driver local",
  ])("%s says nothing", async (flags) => {
    const result = await node.cli("run", "--rm", "--network", "none", ...flags.split(" "), image, "echo", "ran");
    expect(result).toEqual({ exitCode: 0, stdout: "ran\n", stderr: "" });
  });

  it("are written down all the same", async () => {
    const flags = ["--health-cmd", "true", "--health-interval", "10s", "--gpus", "all", "--storage-opt", "size=1g"];
    const id = (await node.succeed("create", ...flags, image, "true")).split("\n").at(-1) ?? "";
    const format = "{{json .Config.Healthcheck}} {{len .HostConfig.DeviceRequests}} {{.HostConfig.StorageOpt.size}}";
    expect(await node.succeed("inspect", "--format", format, id)).toBe(
      '{"Test":["CMD-SHELL","true"],"Interval":10000000000} 1 1g',
    );
  });
});

describe("create", () => {
  it("tells a malformed command line from a refusal by its exit code, as docker does", async () => {
    expect((await node.cli("create", "-p", "foo", image)).exitCode).toBe(125);
    expect((await node.cli("create", "-m", "foo", image)).exitCode).toBe(125);
    expect((await node.cli("create", "-m", "4m", image)).exitCode).toBe(1);
    expect((await node.cli("create", "--pull", "never", "nosuch")).exitCode).toBe(1);
  });

  it("reads a label file that is malformed to its line", async () => {
    const file = join(directory, "labels");
    await writeFile(file, "a b=c\n");
    const { exitCode, stderr } = await node.cli("create", "--label-file", file, image);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 125,
      stderr: `wharf: invalid label file (${file}): variable 'a b' contains whitespaces\n`,
    });
    await rm(file);
  });
});
