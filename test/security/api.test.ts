import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { mutatedJson, mutatedText, wordsWith } from "../fuzz/mutate.ts";
import { nodeOfFile } from "../support/file-node.ts";
import { Random } from "../support/random.ts";

const SEED = Date.now() % 2 ** 31;
const REQUESTS = 400;

const node = nodeOfFile();
let socketPath: string;
let supervisor: number;

beforeAll(async () => {
  await node.succeed("run", "-d", "--network", "none", "--name", "victim", "busybox", "sleep", "100000");
  socketPath = (await node.succeed("supervisor", "start")).replace("unix://", "");
  supervisor = await supervisorPid();
});

async function supervisorPid(): Promise<number> {
  return JSON.parse(await node.succeed("supervisor", "status", "--format", "json")).Pid;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Calls the API with a body that need not be JSON. Answers without end are cut off after their headers. */
async function call(method: string, path: string, body?: string | Buffer, headers = {}): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const request = httpRequest({
      socketPath,
      method,
      path,
      headers: { "wharf-namespace": node.namespace, "content-length": Buffer.byteLength(body ?? ""), ...headers },
      agent: false,
    });
    request.once("error", reject);
    request.once("response", (response) => {
      const status = response.statusCode ?? 0;
      if (response.headers["content-length"] === undefined) {
        resolve({ status, text: "" });
        response.destroy();
        return;
      }
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk)).once("error", reject);
      response.once("end", () => resolve({ status, text: Buffer.concat(chunks).toString() }));
    });
    request.end(body);
  });
}

/** Sends bytes as they are, and returns what comes back until the server ends the connection. */
async function raw(bytes: string): Promise<string> {
  return await new Promise((resolve) => {
    let received = "";
    const socket = connect(socketPath, () => socket.end(bytes));
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("error", () => resolve(received)).once("close", () => resolve(received));
  });
}

describe("the API's server", () => {
  it.each([
    ["no HTTP at all", "hello\r\n\r\n"],
    ["a version that there is not", "GET /_ping HTTP/9.9\r\nHost: d\r\n\r\n"],
    ["a header without a colon", "GET /_ping HTTP/1.1\r\nHost: d\r\nbroken\r\n\r\n"],
    ["a NUL in a header", "GET /_ping HTTP/1.1\r\nHost: d\r\nA: \0b\r\n\r\n"],
    ["two lengths", "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x"],
    [
      "a length and chunks",
      "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["a negative length", "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n"],
    ["a chunk of no size", "POST /containers/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ["a path that is none", "GET containers/json HTTP/1.1\r\nHost: d\r\n\r\n"],
    ["another scheme than its own", "GET ftp://d/_ping HTTP/1.1\r\nHost: d\r\n\r\n"],
  ])("refuses %s", async (_, bytes) => {
    expect(await raw(bytes)).toMatch(/^(HTTP\/1\.1 (400|404) |$)/);
  });

  it("refuses headers and bodies that are too large", async () => {
    const header = `GET /_ping HTTP/1.1\r\nHost: d\r\nA: ${"x".repeat(100_000)}\r\n\r\n`;
    expect(await raw(header)).toMatch(/^HTTP\/1\.1 431 /);
    const answer = await call("POST", "/containers/create", Buffer.alloc(17 << 20, " "));
    expect(answer).toMatchObject({ status: 400, text: expect.stringContaining("the request's body is too large") });
    const upgrade = { connection: "Upgrade", upgrade: "tcp", "content-length": String(2 ** 40) };
    const head = Object.entries(upgrade).map(([name, value]) => `${name}: ${value}\r\n`);
    expect(await raw(`POST /exec/x/start HTTP/1.1\r\nHost: d\r\n${head.join("")}\r\n`)).toMatch(/^HTTP\/1\.1 40[04] /);
  });

  it.each([
    "/containers/../containers/json",
    "/containers/%2e%2e/json",
    "/v1.51/../containers/json",
    "/./containers/json",
    "/containers/victim/..",
  ])("does not resolve %s", async (path) => {
    expect(await call("GET", path)).toMatchObject({ status: 400, text: expect.stringContaining("invalid path") });
  });

  it.each([
    "/containers/..%2f..%2fetc/json",
    "/containers/%00/json",
    "/containers/victim%0a/json",
    "//containers/json",
  ])("knows nobody at %s", async (path) => {
    expect((await call("GET", path)).status).toBe(404);
  });

  it.each(["/containers/%/json", "/containers/%ff/json", "/containers/%zz/logs"])("cannot read %s", async (path) => {
    expect(await call("GET", path)).toMatchObject({ status: 400 });
  });

  it.each(["../x", "a/b", "", "x".repeat(100), "a%00"])("takes no namespace %j", async (namespace) => {
    const answer = await call("GET", "/containers/json", "", { "wharf-namespace": namespace });
    // Without a name the supervisor's own is meant.
    if (namespace !== "")
      expect(answer).toMatchObject({ status: 400, text: expect.stringContaining("invalid namespace") });
  });

  it.each([
    ["POST", "/containers/create", '{"Image": 5}', "Image is not a string"],
    ["POST", "/containers/create", '{"Image":"busybox","HostConfig":{"Memory":"1g"}}', "Memory is not a whole number"],
    ["POST", "/containers/create", "[".repeat(1_000_000), "nested too deeply"],
    ["POST", "/containers/create", "null", "it is not an object"],
    ["POST", "/containers/create", '{"__proto__": {"Image": "busybox"}}', "config cannot be empty"],
    ["POST", "/containers/victim/exec", '{"Cmd": {"0": "sh"}}', "Cmd is not a list"],
    ["POST", "/containers/victim/exec", '{"Cmd": ["true"], "WorkingDir": 5}', "WorkingDir is not a string"],
    ["GET", "/containers/json?filters=[]", "", "invalid filter"],
    ["GET", "/containers/json?limit=99999999999999999999", "", "invalid value"],
    ["POST", "/containers/victim/resize?h=99999999999&w=1", "", "a terminal's size"],
    ["POST", "/containers/victim/kill?signal=__proto__", "", "cannot kill"],
    ["GET", "/containers/victim/logs?stdout=1&since=1777700000000", "", "failed to parse"],
  ])("%s %s with %.60s is a bad request", async (method, path, body, reason) => {
    expect(await call(method, path, body)).toMatchObject({ status: 400, text: expect.stringContaining(reason) });
  });

  it("does not kill at once when it is asked to wait for longer than a timer can", async () => {
    await node.succeed(
      "run",
      "-d",
      "--network",
      "none",
      "--name",
      "patient",
      "busybox",
      "sh",
      "-c",
      "trap 'sleep 2; exit 7' TERM; while :; do sleep 0.1; done",
    );
    await node.succeed("stop", "-t", "9999999", "patient");
    expect(await node.succeed("inspect", "--format", "{{.State.ExitCode}}", "patient")).toBe("7");
  });

  it("waits on no filter that would be tried for years", async () => {
    await node.succeed("create", "--name", "a".repeat(60), "busybox");
    const filters = encodeURIComponent(JSON.stringify({ name: ["^/?(a|a|aa)+$b"] }));
    expect(await call("GET", `/containers/json?all=1&filters=${filters}`)).toMatchObject({ status: 200, text: "[]" });
  });

  it(`answers whatever it is sent, never by a defect (seed ${SEED})`, async () => {
    const random = new Random(SEED);
    const defects: string[] = [];
    for (let number = 0; number < REQUESTS; number++) {
      const [method, path, body] = randomRequest(random);
      const { status, text } = await call(method, path, body).catch((error: unknown) => ({
        status: 0,
        text: String(error),
      }));
      const isDefect = status === 0 || (status >= 500 && /"code":"internal"/.test(text));
      if (isDefect) defects.push(`${method} ${path} ${body}: ${status} ${text}`);
    }
    expect(defects).toEqual([]);
    expect(await supervisorPid()).toBe(supervisor);
    expect(await call("GET", "/_ping")).toMatchObject({ status: 200, text: "OK" });
  });
});

const IDS = ["victim", "nobody", "a", "", "..%2f", "%00", "victim%20", "__proto__", "0".repeat(64), "%E0%80"];
const ROUTES: readonly (readonly [method: string, pattern: string, query: readonly string[]])[] = [
  ["GET", "/containers/json", ["all", "limit", "size", "filters"]],
  ["POST", "/containers/create", ["name", "platform"]],
  ["GET", "/containers/ID/json", ["size"]],
  ["GET", "/containers/ID/top", []],
  ["GET", "/containers/ID/logs", ["stdout", "stderr", "since", "until", "tail", "timestamps", "details"]],
  ["POST", "/containers/ID/resize", ["h", "w"]],
  ["POST", "/containers/ID/rename", ["name"]],
  ["POST", "/containers/ID/wait", ["condition"]],
  ["POST", "/containers/ID/exec", []],
  ["POST", "/exec/ID/start", []],
  ["POST", "/exec/ID/resize", ["h", "w"]],
  ["GET", "/exec/ID/json", []],
  ["GET", "/images/json", ["all", "filters", "digests"]],
  ["GET", "/images/ID/json", ["platform"]],
  ["GET", "/events", ["since", "until", "filters"]],
  ["DELETE", "/containers/nobody", ["force", "v"]],
  ["PUT", "/containers/ID/archive", ["path"]],
];
const VALUES = [
  "1",
  "0",
  "-1",
  "x",
  "",
  "1e9",
  "9007199254740993",
  '{"name":["(a+)+"]}',
  '{"a":5}',
  "[",
  "null",
  "2026-01-01",
  "linux/amd64",
  "../x",
  "-ef",
];
/** Nothing of the host may be bound or made: these tests are root's. */
const BODIES = [
  {
    Image: "busybox",
    Cmd: ["true"],
    Env: ["A=b"],
    Labels: { a: "b" },
    HostConfig: {
      NetworkMode: "none",
      Memory: 0,
      Tmpfs: { "/t": "" },
      Ulimits: [{ Name: "nofile", Soft: 5, Hard: 5 }],
    },
  },
  {
    Image: "busybox",
    ExposedPorts: { "80/tcp": {} },
    Healthcheck: { Test: ["NONE"], Interval: 5 },
    HostConfig: {
      PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "0" }] },
      RestartPolicy: { Name: "no" },
      CapAdd: ["CHOWN"],
    },
  },
  { Cmd: ["true"], AttachStdout: true, User: "root", ConsoleSize: [5, 5], Env: ["A"], WorkingDir: "/" },
].map((body) => JSON.stringify(body));
const WORDS = wordsWith([]);

function randomRequest(random: Random): [method: string, path: string, body: string] {
  const [method, pattern, parameters] = random.pick(ROUTES);
  const query = parameters
    .filter(() => random.oneIn(2))
    .map((name) => `${name}=${encodeURIComponent(random.pick(VALUES))}`);
  const version = random.oneIn(3) ? random.pick(["/v1.43", "/v1.99", "/v1.0", "/v2", "/v1.5x"]) : "";
  const path = `${version}${pattern.replace("ID", () => random.pick(IDS))}${query.length > 0 ? `?${query.join("&")}` : ""}`;
  if (method !== "POST") return [method, path, ""];
  const json = JSON.stringify(mutatedJson(random, BODIES)) ?? "";
  return [method, path, random.oneIn(5) ? mutatedText(random, [json], WORDS) : json];
}
