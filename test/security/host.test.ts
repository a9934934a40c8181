import { chmod, lstat, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliResult, runCli } from "../support/cli.ts";
import type { TestNode } from "../support/namespace.ts";
import { OwnHost } from "../support/own-host.ts";
import { runProgram } from "../support/program.ts";
import { waitUntil } from "../support/wait-until.ts";

const WHARF = resolve(dirname(fileURLToPath(import.meta.url)), "../../bin/wharf");
const NOBODY = 65534;
const DOCKER_GROUP = 4242;

// A containerd of its own: these tests start its supervisor under conditions of theirs.
let host: OwnHost;
let node: TestNode;

beforeAll(async () => {
  host = await OwnHost.start();
  node = host.node;
});

afterAll(() => host[Symbol.asyncDispose]());

/** Runs wharf behind words of a shell, such as a umask or a mount namespace. */
async function behind(words: string, ...args: string[]): Promise<CliResult> {
  const shell = ["-c", `${words}; exec "$@"`, "sh", WHARF, ...args];
  return await runCli(shell, { program: "sh", env: node.environment });
}

async function socketPath(): Promise<string> {
  return (await node.succeed("supervisor", "start")).replace("unix://", "");
}

async function supervisorPid(): Promise<number> {
  return JSON.parse(await node.succeed("supervisor", "status", "--format", "json")).Pid;
}

describe("wharf's files", () => {
  it("are root's alone, whatever the umask of the command that started the supervisor", async () => {
    await node.succeed("supervisor", "stop");
    const run = ["run", "-d", "--name", "open", "-v", "vol:/v", "busybox", "sh", "-c", "echo said; sleep 1000"];
    expect((await behind("umask 0", ...run)).stderr).toBe("");
    await waitUntil("it has a log", async () => (await node.succeed("logs", "open")) === "said");

    const tooOpen: string[] = [];
    for (const root of [node.host.dataRoot, node.host.runRoot]) {
      for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        // What containers see of the host's files is as open as in any file system, behind directories that are not.
        if (path.includes("/_data") || /\/(hostname|hosts|resolv\.conf)$/.test(path)) continue;
        const { mode } = await lstat(path);
        const allowed = entry.isSocket() ? 0o660 : entry.isDirectory() ? 0o700 : 0o644;
        if ((mode & 0o777 & ~allowed) !== 0) tooOpen.push(`${(mode & 0o777).toString(8)} ${path}`);
      }
    }
    // Above the root of a containerd that is not the host's default there is nothing but such roots.
    expect(tooOpen.filter((line) => !/^755 \S+\/(data|run)\/[0-9a-f]{8}$/.test(line))).toEqual([]);
    const id = await node.succeed("inspect", "--format", "{{.Id}}", "open");
    const log = await node.succeed("inspect", "--format", "{{.LogPath}}", "open");
    expect(log).toContain(`${id}-json.log`);
    expect((await lstat(log)).mode & 0o777).toBe(0o640);
    expect((await lstat(await socketPath())).mode & 0o777).toBe(0o660);
    await node.succeed("rm", "-f", "-v", "open");
  });

  it("can be read by a container's user where the container needs them, whatever the umask", async () => {
    await node.succeed("supervisor", "stop");
    const script = "cat /etc/hostname /etc/hosts /etc/resolv.conf > /dev/null && ls /v && echo readable";
    const run = ["run", "--rm", "-u", "nobody", "-v", "closed:/v", "-v", `${host.directory}/bound:/b`, "busybox"];

    const result = await behind("umask 077", ...run, "sh", "-c", `${script} && ls /b`);

    expect(result).toEqual({ exitCode: 0, stdout: "readable\n", stderr: "" });
  });

  it("let the members of the group docker use the socket, and nobody else", async () => {
    await node.succeed("supervisor", "stop");
    await chmod(host.directory, 0o711);
    await writeFile(join(host.directory, "group"), `root:x:0:\ndocker:x:${DOCKER_GROUP}:\n`);
    const start = `mount --bind ${host.directory}/group /etc/group`;
    const privately = ["--mount", "--propagation", "private", "sh", "-c", `${start}; exec "$@"`, "sh", WHARF];
    const env = { ...process.env, ...node.environment };
    await runProgram("unshare", [...privately, "supervisor", "start"], { env });
    const socket = await socketPath();

    expect(await ping(socket, DOCKER_GROUP)).toBe("200");
    expect(await ping(socket, NOBODY)).toBe("EACCES");
    const { mode, uid, gid } = await lstat(socket);
    expect({ mode: mode & 0o777, uid, gid }).toEqual({ mode: 0o660, uid: 0, gid: DOCKER_GROUP });
    const above = await lstat(dirname(socket));
    expect({ mode: above.mode & 0o777, gid: above.gid }).toEqual({ mode: 0o710, gid: DOCKER_GROUP });
    await node.succeed("supervisor", "stop");

    await node.succeed("supervisor", "start");
    expect(await ping(socket, DOCKER_GROUP)).toBe("EACCES");
  });

  it("are not put where another user owns the way", async () => {
    const planted = join(host.directory, "planted");
    await runProgram("install", ["-d", "-o", String(NOBODY), planted]);

    const env = { WHARF_DATA_ROOT: join(planted, "data"), WHARF_RUN_ROOT: join(host.directory, "run2") };
    const result = await node.cliWith({ env }, "supervisor", "start");

    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(
      /^wharf: unsafe directory for wharf's files: \S+\/planted belongs to the user 65534\n/,
    );
    expect(await readdir(planted)).toEqual([]);
  });
});

describe("the programs that wharf starts", () => {
  const CALLERS = {
    LD_LIBRARY_PATH: "/nowhere",
    NODE_OPTIONS: "--no-warnings",
    BASH_ENV: "/nowhere",
    MY_TOKEN: "s3cret",
  };

  it("have what is documented of the caller's environment, and no more", async () => {
    await node.succeed("supervisor", "stop");
    const env = { ...CALLERS, HTTPS_PROXY: "http://proxy.test:3128", WHARF_OWN: "passed" };
    expect((await node.cliWith({ env }, "run", "-d", "--name", "kept", "busybox", "sleep", "1000")).stderr).toBe("");
    const supervisor = await supervisorPid();
    const keeper = await waitUntil("the keeper runs", async () => {
      const files = await readdir(node.host.runRoot, { recursive: true });
      const file = files.find((name) => name.endsWith("keeper.pid")) ?? "";
      return Number((await readFile(join(node.host.runRoot, file), "utf8")).trim());
    });

    expect(await environmentOf(supervisor)).toMatchObject({
      PATH: process.env.PATH,
      TMPDIR: process.env.TMPDIR,
      HTTPS_PROXY: "http://proxy.test:3128",
      WHARF_OWN: "passed",
      CONTAINERD_ADDRESS: host.containerd.address,
    });
    for (const pid of [supervisor, keeper]) {
      const names = Object.keys(await environmentOf(pid));
      expect(names.filter((name) => name in CALLERS)).toEqual([]);
    }
    expect(Object.keys(await environmentOf(keeper)).sort()).toEqual(
      ["LC_ALL", "PATH", "TMPDIR", ...("TZ" in process.env ? ["TZ"] : [])].sort(),
    );
    await node.succeed("rm", "-f", "kept");
  });

  it("are told no secret on their command lines, and the supervisor's log has none", async () => {
    const secret = "hunter2-0f5e";
    await writeFile(join(host.directory, "secrets"), `PASSWORD=${secret}\n`, { mode: 0o600 });
    const run = ["--debug", "run", "--env-file", join(host.directory, "secrets"), "--name", "secretive"];
    const running = node.start({}, ...run, "busybox", "sh", "-c", "echo up; exec sleep 1000");
    await running.waitForStdout("up");
    await node.succeed("exec", "-d", "--env-file", join(host.directory, "secrets"), "secretive", "sleep", "1000");
    const failed = await node.cli(...run.slice(0, -1), "failing", "busybox", "no-such-program");

    const lines = await commandLines();
    expect(lines.some((line) => line.includes("sleep 1000"))).toBe(true);
    expect(lines.filter((line) => line.includes(secret))).toEqual([]);
    expect(failed.exitCode).toBe(127);
    expect(failed.stderr).not.toContain(secret);
    const logs = (await readdir(node.host.dataRoot, { recursive: true })).filter((name) => name.endsWith(".log"));
    expect(logs.some((name) => name.endsWith("supervisor.log"))).toBe(true);
    for (const log of logs) expect(await readFile(join(node.host.dataRoot, log), "utf8")).not.toContain(secret);
    await node.succeed("rm", "-f", "secretive", "failing");
    await running.result;
  });
});

/** Calls the API as another user with one group; the status, or the error's code. */
async function ping(socket: string, gid: number): Promise<string> {
  const script = `require("node:http").get({ socketPath: ${JSON.stringify(socket)}, path: "/_ping" },
    (response) => { console.log(response.statusCode); process.exit(); }).on("error", ({ code }) => console.log(code));`;
  const user = ["--reuid", String(NOBODY), "--regid", String(gid), "--clear-groups"];
  return (await runProgram("setpriv", [...user, "node", "-e", script])).stdout.trim();
}

async function environmentOf(pid: number): Promise<Record<string, string>> {
  const entries = (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0").filter((entry) => entry !== "");
  return Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s, 2)));
}

async function commandLines(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return lines.map((line) => line.replaceAll("\0", " "));
}
