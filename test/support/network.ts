import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Networks, type NetworksOptions } from "../../src/cni/networks.ts";
import type { EndpointState, PublishedPort } from "../../src/model/container-record.ts";
import { withHostLock } from "../../src/store/host-lock.ts";
import { runProgram } from "./program.ts";

const CNI_PATH = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

/** 64 hex digits, as every container has. */
export function containerId(): string {
  return randomBytes(32).toString("hex");
}

/** A container as far as networks know one: a network namespace and what is attached to it. */
export interface TestContainer {
  readonly id: string;
  readonly netnsPath: string;
  readonly endpoint: EndpointState;
}

export interface JoinRequest {
  readonly id?: string;
  readonly network?: string;
  readonly ports?: readonly PublishedPort[];
  readonly ipAddress?: string;
  readonly macAddress?: string;
}

/** Networks with roots of their own; disposing of them takes everything down that is up. */
export class TestNetworks implements AsyncDisposable {
  readonly #containers = new Map<string, TestContainer>();

  private constructor(
    readonly directory: string,
    readonly options: NetworksOptions,
    readonly networks: Networks,
  ) {}

  static async open(options: Partial<NetworksOptions> = {}): Promise<TestNetworks> {
    const directory = await mkdtemp(join(tmpdir(), "networks-"));
    const all: NetworksOptions = {
      dataRoot: join(directory, "data"),
      runRoot: join(directory, "run"),
      configDir: join(directory, "net.d"),
      cniPath: CNI_PATH,
      lingerMs: 60_000,
      withHostLock,
      ...options,
    };
    return new TestNetworks(directory, all, new Networks(all));
  }

  /** What the next supervisor sees after this one was killed: the same roots and no memory. */
  reopen(): Networks {
    return new Networks(this.options);
  }

  /** Makes a sandbox and puts it on a network, the default one unless another is named. */
  async join({ id = containerId(), network = "bridge", ...request }: JoinRequest = {}): Promise<TestContainer> {
    const netnsPath = await this.networks.createSandbox(id);
    try {
      const attach = { containerId: id, netnsPath, network, ports: [], ...request };
      const container = { id, netnsPath, endpoint: await this.networks.attach(attach) };
      this.#containers.set(id, container);
      return container;
    } catch (error) {
      await this.networks.detach({ containerId: id, netnsPath, endpoints: [] });
      throw error;
    }
  }

  async leave({ id, netnsPath, endpoint }: TestContainer): Promise<void> {
    this.#containers.delete(id);
    await this.networks.detach({ containerId: id, netnsPath, endpoints: [endpoint] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const container of this.#containers.values()) await this.leave(container);
    await this.networks.close();
    await rm(this.directory, { recursive: true });
  }
}

/** A TCP port of all addresses of the host. */
export function published(hostPort: number, containerPort: number, more: Partial<PublishedPort> = {}): PublishedPort {
  return { protocol: "tcp", hostIp: "0.0.0.0", hostPort, containerPort, ...more };
}

/** Everything of the host that a network may leave behind. */
export async function hostState(): Promise<string> {
  const outputs = await Promise.all([
    runProgram("iptables-save", []),
    runProgram("ip", ["-oneline", "link", "show"]),
    runProgram("ip", ["netns", "list"]),
  ]);
  const rules = outputs[0].stdout.split("\n").filter((line) => !line.startsWith("#") && !isUntouchedChain(line));
  // An interface's other end and its index are not what it is about.
  const links = outputs[1].stdout.split("\n").map((line) => line.split(": ")[1]?.split("@")[0]);
  return [...tablesWithContent(rules), ...links, ...outputs[2].stdout.split("\n")].filter(Boolean).join("\n");
}

/** Built-in chains appear once a table has been looked at. */
function isUntouchedChain(line: string): boolean {
  return /^:[A-Z]+ ACCEPT \[/.test(line);
}

function tablesWithContent(lines: readonly string[]): string[] {
  return lines.filter((line, index) => !(line === "COMMIT" || (line.startsWith("*") && lines[index + 1] === "COMMIT")));
}

/** A computer beside this one, on a network of its own with it. */
export class Neighbour implements AsyncDisposable {
  readonly address = "198.51.100.2";
  /** How this computer sees the host. */
  readonly hostAddress = "198.51.100.1";

  private constructor(readonly netnsPath: string) {}

  static async connect(): Promise<Neighbour> {
    const name = `neighbour-${randomBytes(3).toString("hex")}`;
    const neighbour = new Neighbour(`/run/netns/${name}`);
    await runProgram("ip", ["netns", "add", name]);
    const link = name.slice(-6);
    await runProgram("ip", ["link", "add", `lan${link}`, "type", "veth", "peer", "name", "lan0", "netns", name]);
    await runProgram("ip", ["address", "add", `${neighbour.hostAddress}/24`, "dev", `lan${link}`]);
    await runProgram("ip", ["link", "set", `lan${link}`, "up"]);
    await inNetns(neighbour.netnsPath, ["address", "add", `${neighbour.address}/24`, "dev", "lan0"]);
    await inNetns(neighbour.netnsPath, ["link", "set", "lan0", "up"]);
    await inNetns(neighbour.netnsPath, ["link", "set", "lo", "up"]);
    return neighbour;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const name = basename(this.netnsPath);
    await runProgram("ip", ["link", "delete", `lan${name.slice(-6)}`]);
    await runProgram("ip", ["netns", "delete", name]);
  }
}

/** Runs `ip ARGS…` inside a named network namespace and returns what it prints. */
export async function inNetns(netnsPath: string, args: readonly string[]): Promise<string> {
  return (await runProgram("ip", ["-netns", basename(netnsPath), ...args])).stdout;
}

export interface EchoServer extends AsyncDisposable {
  readonly port: number;
}

/** A server that answers everybody, over TCP and UDP, with a greeting and the address it sees them come from. */
const SERVER = `
const [greeting, address, port] = process.argv.slice(1);
const answer = (peer) => greeting + " " + peer;
require("node:net").createServer((socket) => {
  socket.on("error", () => {}).end(answer(socket.remoteAddress.replace("::ffff:", "")));
}).listen(Number(port), address, () => {
  const udp = require("node:dgram").createSocket("udp4");
  udp.on("message", (_, { address, port }) => udp.send(answer(address), port, address));
  udp.bind(Number(port), address, () => console.log("ready"));
});`;

/** Starts such a server in a named network namespace, or in this one for an empty path. */
export async function startServer(
  netnsPath: string,
  { greeting = "hello", port = 80, address = "0.0.0.0" } = {},
): Promise<EchoServer> {
  const command = [process.execPath, "-e", SERVER, greeting, address, String(port)];
  const [file = "", ...args] = netnsPath === "" ? command : ["ip", "netns", "exec", basename(netnsPath), ...command];
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}

/** A client that prints the answer to its first packet, or the error's code. */
const CLIENT = `
const [protocol, address, port, sourcePort] = process.argv.slice(1);
setTimeout(() => { console.log("ETIMEDOUT"); process.exit(); }, 1500);
const done = (text) => { console.log(String(text)); process.exit(); };
if (protocol === "udp") {
  const socket = require("node:dgram").createSocket("udp4");
  socket.on("message", done).on("error", (error) => done(error.code));
  socket.bind(Number(sourcePort), () => socket.send("ping", Number(port), address));
} else {
  require("node:net").connect(Number(port), address).on("data", done).on("error", (error) => done(error.code));
}`;

/**
 * What a server says to a client in a named network namespace; `ECONNREFUSED` or `ETIMEDOUT` if there is none. UDP
 * packets of the same source port are one flow to the kernel.
 */
export async function askFrom(
  netnsPath: string,
  address: string,
  port: number,
  protocol: "tcp" | "udp" = "tcp",
  { sourcePort = 0 } = {},
): Promise<string> {
  const command = [process.execPath, "-e", CLIENT, protocol, address, String(port), String(sourcePort)];
  return (await runProgram("ip", ["netns", "exec", basename(netnsPath), ...command])).stdout.trim();
}

/** As `askFrom`, from this very process. */
export async function ask(address: string, port: number, protocol: "tcp" | "udp" = "tcp"): Promise<string> {
  return await (protocol === "tcp" ? askTcp(address, port) : askUdp(address, port));
}

function askTcp(address: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 1500 });
    socket.once("data", (data: Buffer) => {
      resolve(String(data));
      socket.destroy();
    });
    socket.once("timeout", () => {
      resolve("ETIMEDOUT");
      socket.destroy();
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once("close", () => resolve("closed"));
  });
}

async function askUdp(address: string, port: number): Promise<string> {
  const socket = createSocket("udp4");
  try {
    return await new Promise<string>((resolve) => {
      socket.once("message", (data) => resolve(String(data)));
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      setTimeout(() => resolve("ETIMEDOUT"), 1500);
      socket.connect(port, address, () => socket.send("ping"));
    });
  } finally {
    socket.close();
  }
}
