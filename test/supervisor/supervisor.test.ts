import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestContainerd } from "../support/containerd.ts";
import type { TestNode } from "../support/namespace.ts";
import { ask } from "../support/network.ts";
import { OwnHost } from "../support/own-host.ts";
import { waitUntil } from "../support/wait-until.ts";

/** Containers write this many lines in the tests of what a killed supervisor loses. */
const LINES = 10_000;

// A containerd of its own: these tests kill its supervisor, which serves all namespaces.
let host: OwnHost;
let containerd: TestContainerd;
let directory: string;
let node: TestNode;

beforeAll(async () => {
  host = await OwnHost.start();
  ({ containerd, directory, node } = host);
});

afterAll(async () => {
  await node.clear();
  await node.succeed("supervisor", "stop");
  expect(await runFiles("keeper.pid")).toEqual([]);
  await host[Symbol.asyncDispose]();
});

interface Status {
  readonly Running: boolean;
  readonly Pid: number;
  readonly Containers: number;
}

async function status(): Promise<Status> {
  return JSON.parse((await node.cli("supervisor", "status", "--format", "json")).stdout) as Status;
}

async function socketPath(): Promise<string> {
  return (await node.succeed("supervisor", "start")).replace("unix://", "");
}

async function runFiles(name: string): Promise<string[]> {
  const all = await readdir(join(directory, "run"), { recursive: true });
  const paths = all.filter((path) => path.endsWith(name)).map((path) => join(directory, "run", path));
  return await Promise.all(paths.map((path) => readFile(path, "utf8")));
}

async function killSupervisor(): Promise<void> {
  const { Pid: pid } = await status();
  process.kill(pid, "SIGKILL");
  await waitUntil("the supervisor is gone", async () => !(await status()).Running);
}

async function startContainer(name: string, script: string, ...flags: string[]): Promise<void> {
  await node.succeed("run", "-d", "--name", name, "--network", "none", ...flags, "busybox", "sh", "-c", script);
}

function lines(count: number): string {
  return Array.from({ length: count }, (_, index) => `line ${index + 1}`).join("\n");
}

async function stateOf(name: string): Promise<string> {
  return await node.succeed("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name);
}

describe("the supervisor's process", () => {
  it("is started by the first command that needs it, and is the only one whoever comes first", async () => {
    await node.succeed("supervisor", "stop");
    expect(await status()).toEqual({ Running: false });

    const starts = Array.from({ length: 5 }, () => node.cli("supervisor", "start"));
    for (const { exitCode, stderr } of await Promise.all(starts))
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });

    const { Pid: pid, Running: running } = await status();
    expect(running).toBe(true);
    expect(await runFiles("supervisor.pid")).toEqual([`${pid}\n`]);
    await waitUntil("the others have ended", async () => (await supervisorPids()).length === 1);
  });

  it("cannot be kept from starting by a name that any user may take", async () => {
    await node.succeed("supervisor", "stop");
    const occupant = createServer().listen(`\0wharf-supervisor:${join(directory, "run")}`);
    try {
      await node.succeed("supervisor", "start");

      expect((await status()).Running).toBe(true);
    } finally {
      occupant.close();
    }
  });

  it("does not care for the signals of a terminal", async () => {
    const { Pid: pid } = await status();
    for (const signal of ["SIGHUP", "SIGINT"] as const) process.kill(pid, signal);

    expect((await status()).Pid).toBe(pid);
  });

  it("takes over what a killed one has left", async () => {
    const before = await status();
    process.kill(before.Pid, "SIGKILL");
    await waitUntil("it is gone", async () => !(await status()).Running);

    await node.succeed("run", "--rm", "--network", "none", "busybox", "true");

    expect((await status()).Pid).not.toBe(before.Pid);
  });

  it("says why it did not start", async () => {
    const nowhere = await node.cliWith({ env: { WHARF_RUN_ROOT: "/dev/null/run" } }, "supervisor", "start");
    expect(nowhere.exitCode).toBe(1);
    expect(nowhere.stderr).toMatch(/^wharf: \w+ \/dev\/null\/run: not a directory\n$/);

    // A directory lies where the socket of this containerd's supervisor has its place.
    const runRoot = join(directory, "taken");
    const [socketPath] = (await readdir(join(directory, "run"), { recursive: true })).filter((path) =>
      path.endsWith("docker.sock"),
    );
    await mkdir(join(runRoot, socketPath as string), { recursive: true });
    const result = await node.cliWith({ env: { WHARF_RUN_ROOT: runRoot } }, "supervisor", "start");
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(/^wharf: the supervisor did not start\n.*supervisor\.log:\n[\s\S]*docker\.sock/);
  });

  it("leaves containers running when it is stopped, and finds them again", async () => {
    await startContainer("steady", "while :; do echo tick; sleep 0.05; done");
    await node.succeed("supervisor", "stop");
    expect(await stateOf("steady")).toBe("running 0");

    const before = (await node.succeed("logs", "steady")).length;
    await node.succeed("supervisor", "start");
    await waitUntil("it is logged again", async () => (await node.succeed("logs", "steady")).length > before);
    expect((await status()).Containers).toBe(1);
    await node.succeed("rm", "-f", "steady");
  });
});

describe("a supervisor that is killed", () => {
  it("leaves published ports open, and its successor knows them", async () => {
    const answers = (wanted: string) =>
      waitUntil(`the port answers ${wanted}`, async () => (await ask("127.0.0.1", 18203)).trim() === wanted);
    const server = ["nc", "-ll", "-p", "80", "-e", "echo", "web"];
    await node.succeed("run", "-d", "--name", "web", "-p", "18203:80", "busybox", ...server);
    await answers("web");

    await killSupervisor();

    await answers("web");
    const result = await node.cli("run", "--rm", "-p", "18203:80", "busybox", "true");
    expect(result.stderr).toContain("port is already allocated");
    await node.succeed("rm", "-f", "web");
    await answers("ECONNREFUSED");
  });

  it("loses none of what a container writes meanwhile", async () => {
    const script = `i=0; while [ $i -lt ${LINES} ]; do i=$((i + 1)); echo line $i; done; sleep 1000`;
    await startContainer("writer", script);
    await killSupervisor();
    await node.succeed("supervisor", "start");
    await waitUntil(
      "all is written",
      async () => (await node.succeed("logs", "-n", "1", "writer")) === `line ${LINES}`,
    );

    expect((await node.succeed("logs", "writer")) === lines(LINES)).toBe(true);
    await node.succeed("rm", "-f", "writer");
  });

  it("loses none of it either when it is killed again and again", async () => {
    const script = `i=0; while [ $i -lt 300 ]; do i=$((i + 1)); echo line $i; sleep 0.01; done; sleep 1000`;
    await startContainer("patient", script);
    for (let time = 0; time < 3; time++) {
      await killSupervisor();
      await node.succeed("supervisor", "start");
    }
    await waitUntil("all is written", async () => (await node.succeed("logs", "-n", "1", "patient")) === "line 300");

    expect(await node.succeed("logs", "patient")).toBe(lines(300));
    await node.succeed("rm", "-f", "patient");
  });

  it("does not keep the last words of a container from being logged, nor its exit code", async () => {
    await startContainer("dying", "while ! [ -e /go ]; do sleep 0.05; done; echo last words; exit 33");
    const [running] = await node.client.tasks.list();
    await killSupervisor();
    await writeFile(`/proc/${running?.pid}/root/go`, "");
    await waitUntil("its process has ended", async () => {
      const [task] = await node.client.tasks.list();
      return task?.status === "stopped";
    });

    await node.succeed("supervisor", "start");
    // The exit shows at once, from containerd; what was said before it once the supervisor has read it.
    await waitUntil("it is logged", async () => (await node.succeed("logs", "dying")) === "last words");

    expect(await stateOf("dying")).toBe("exited 33");
    await node.succeed("rm", "dying");
  });

  it("owes the restarts and removals that its successor does", async () => {
    await startContainer("restless", "echo run; sleep 0.5; exit 1", "--restart", "on-failure:1");
    await startContainer("passing", "sleep 0.5", "--rm");
    await killSupervisor();
    await waitUntil("both have ended", async () => {
      const tasks = await node.client.tasks.list();
      return tasks.every(({ status: task }) => task === "stopped");
    });

    await node.succeed("supervisor", "start");
    await waitUntil("the one has run twice", async () => (await node.succeed("logs", "restless")) === "run\nrun");
    await waitUntil(
      "the other is gone",
      async () => (await node.succeed("ps", "-aq", "--filter", "name=passing")) === "",
    );
    await node.succeed("rm", "-f", "restless");
  });

  it("leaves execs behind that can end", async () => {
    await startContainer("host", "sleep 1000");
    const exec = node.start({}, "exec", "host", "sh", "-c", "echo up; yes | head -c 1000000; echo done > /done");
    await exec.waitForStdout("up\n");
    await killSupervisor();
    await exec.result;
    await node.succeed("supervisor", "start");

    await waitUntil("it has ended", async () => (await node.cli("exec", "host", "cat", "/done")).stdout === "done\n");
    await node.succeed("rm", "-f", "host");
  });
});

describe("a containerd that is restarted", () => {
  it.each(["stop", "kill"] as const)("takes no container along (%s), and exits are seen as before", async (how) => {
    await startContainer("survivor", "while ! [ -e /go ]; do echo tick; sleep 0.05; done; exit 5");
    const { Pid: pid } = await status();

    await containerd.restart(how);
    const before = (await node.succeed("logs", "survivor")).length;
    await waitUntil("it is logged", async () => (await node.succeed("logs", "survivor")).length > before);
    await node.succeed("exec", "survivor", "touch", "/go");

    expect(await node.succeed("wait", "survivor")).toBe("5");
    expect((await status()).Pid).toBe(pid);
    await node.succeed("rm", "survivor");
  });
});

describe("the Engine API", () => {
  it("answers a ping with its headers", async () => {
    const { response, text } = await call("GET", "/_ping");

    expect(text).toBe("OK");
    expect(response.headers).toMatchObject({
      "api-version": "1.51",
      "docker-experimental": "false",
      ostype: "linux",
      "cache-control": "no-cache, no-store, must-revalidate",
    });
    expect((await call("HEAD", "/_ping")).response.statusCode).toBe(200);
  });

  it.each([
    ["/v1.23/containers/json", 400, "client version 1.23 is too old. Minimum supported API version is 1.24"],
    ["/v1.99/containers/json", 400, "client version 1.99 is too new. Maximum supported API version is 1.51"],
    ["/v1.43/nothing", 404, "page not found"],
    ["/containers/ghost/json", 404, "No such container: ghost"],
    ["/containers/gh%zzost/json", 400, "invalid path"],
  ])("answers %s with %i", async (path, statusCode, message) => {
    const { response, text } = await call("GET", path);

    expect(response.statusCode).toBe(statusCode);
    expect(JSON.parse(text).message).toContain(message);
  });

  it("serves every version from 1.24 on", async () => {
    for (const version of ["1.24", "1.41", "1.51"]) {
      expect((await call("GET", `/v${version}/version`)).response.statusCode).toBe(200);
    }
  });

  it("refuses a body that is not JSON", async () => {
    const { response, text } = await call("POST", "/containers/create", "{");

    expect(response.statusCode).toBe(400);
    expect(JSON.parse(text).message).toContain("invalid JSON");
  });

  it("sends the headers of a followed log before there is one", async () => {
    await startContainer("quiet", "sleep 1000");
    const response = await open("GET", `/containers/quiet/logs?follow=1&stdout=1`);

    expect(response.statusCode).toBe(200);
    expect(response.headers["content-type"]).toBe("application/vnd.docker.multiplexed-stream");
    response.destroy();
    await node.succeed("rm", "-f", "quiet");
  });

  it.each([
    ["that asks for an upgrade", "Connection: Upgrade\r\nUpgrade: tcp\r\n", "HTTP/1.1 101 UPGRADED"],
    ["that does not", "", "HTTP/1.1 200 OK"],
  ])("hijacks the connection of an attach %s", async (_name, headers, statusLine) => {
    await startContainer("hijacked", "while :; do echo tick; sleep 0.05; done");
    const socket = connect(await socketPath());
    let received = "";
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
    });
    const namespace = `wharf-namespace: ${node.namespace}\r\n`;
    socket.write(
      `POST /containers/hijacked/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\n${namespace}${headers}\r\n`,
    );
    await waitUntil("output came", () => received.includes("\x01\0\0\0\0\0\0\x05tick\n"));
    socket.destroy();

    const [head = ""] = received.split("\r\n\r\n");
    expect(head.split("\r\n")[0]).toBe(statusLine);
    expect(head).not.toMatch(/content-length|transfer-encoding/i);
    await node.succeed("rm", "-f", "hijacked");
  });
});

async function supervisorPids(): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0);
  const settings = await Promise.all(pids.map(async (pid) => ({ pid, text: await environmentOf(pid) })));
  return settings.filter(({ text }) => text.includes(`WHARF_RUN_ROOT=${join(directory, "run")}`)).map(({ pid }) => pid);
}

async function environmentOf(pid: number): Promise<string> {
  return await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
}

async function open(method: string, path: string, body?: string): Promise<IncomingMessage> {
  const headers = { host: "docker", "wharf-namespace": node.namespace };
  const request = httpRequest({ socketPath: await socketPath(), method, path, headers });
  request.end(body);
  return await new Promise((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
  });
}

async function call(method: string, path: string, body?: string): Promise<{ response: IncomingMessage; text: string }> {
  const response = await open(method, path, body);
  let text = "";
  for await (const chunk of response) text += chunk.toString();
  return { response, text };
}
