import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { exists } from "../../src/cni/netns.ts";
import { nodeOfFile } from "../support/file-node.ts";
import { ask, askFrom, inNetns, Neighbour, startServer } from "../support/network.ts";
import { networkTraces, noNetworkTraces } from "../support/network-traces.ts";
import { runProgram } from "../support/program.ts";
import { waitUntil } from "../support/wait-until.ts";

/** Answers each connection on port 80 with the greeting. */
function server(greeting: string): string[] {
  return ["nc", "-ll", "-p", "80", "-e", "echo", greeting];
}

const node = nodeOfFile({ cleared: true });
const image = "busybox";
/** Bridges that have no container any more, and what configures them. */
const lingering: { readonly bridge: string; readonly configuration: string }[] = [];

afterAll(async () => {
  for (const { bridge, configuration } of lingering) {
    await waitUntil("the bridge is down", async () => !(await exists(`/proc/sys/net/ipv4/conf/${bridge}`)));
    await rm(configuration);
  }
});

function netnsOf(id: string): string {
  return `/run/netns/wharf-${id.slice(0, 12)}`;
}

/** A container takes a moment to listen. */
async function answerOf(port: number, address = "127.0.0.1"): Promise<string> {
  return await waitUntil(`${address}:${port} answers`, async () => {
    const answer = (await ask(address, port)).trim();
    return /^[a-z-]+$/.test(answer) && answer !== "closed" ? answer : undefined;
  });
}

/** The host's side of what `port` prints for a container's port. */
async function hostPortOf(name: string, port: string): Promise<number> {
  return Number((await node.succeed("port", name, port)).split("\n")[0]?.split(":").at(-1));
}

describe("published ports", () => {
  it("answer over TCP and UDP, to this host and its neighbours", async () => {
    await using neighbour = await Neighbour.connect();
    const ports = ["-p", "18080:80", "-p", "18053:53/udp"];
    const id = await node.succeed("run", "-d", "--name", "web", ...ports, image, ...server("web"));
    // busybox has no UDP server, so the container gets one of ours.
    await using _server = await startServer(netnsOf(id), { port: 53, greeting: "dns" });

    expect(await answerOf(18080)).toBe("web");
    expect(await ask("127.0.0.1", 18053, "udp")).toMatch(/^dns 10\./);
    expect(await answerOf(18080, neighbour.hostAddress)).toBe("web");
    expect(await askFrom(neighbour.netnsPath, neighbour.hostAddress, 18080)).toBe("web");
    expect(await askFrom(neighbour.netnsPath, neighbour.hostAddress, 18053, "udp")).toBe(`dns ${neighbour.address}`);
    expect(await node.succeed("port", "web")).toBe("53/udp -> 0.0.0.0:18053\n80/tcp -> 0.0.0.0:18080");
  });

  it("of a range belong to each other in pairs", async () => {
    await node.succeed("run", "-d", "--name", "web", "-p", "127.0.0.1:18100-18102:79-81", image, ...server("ranged"));

    expect(await answerOf(18101)).toBe("ranged");
    expect(await node.succeed("port", "web")).toBe(
      ["79/tcp -> 127.0.0.1:18100", "80/tcp -> 127.0.0.1:18101", "81/tcp -> 127.0.0.1:18102"].join("\n"),
    );
  });

  it("are any that is free when none is named, also by -P", async () => {
    await node.succeed("run", "-d", "--name", "one", "-p", "80", image, ...server("one"));
    const exposed = ["--expose", "80", "--expose", "53/udp"];
    const id = await node.succeed("run", "-d", "--name", "two", "-P", ...exposed, image, ...server("two"));
    await using _server = await startServer(netnsOf(id), { port: 53, greeting: "dns" });

    const [one, two, udp] = [
      await hostPortOf("one", "80"),
      await hostPortOf("two", "80"),
      await hostPortOf("two", "53/udp"),
    ];

    expect(one).not.toBe(two);
    for (const port of [one, two, udp]) expect(port).toBeGreaterThanOrEqual(32_768);
    expect(await answerOf(one)).toBe("one");
    expect(await answerOf(two)).toBe("two");
    expect(await ask("127.0.0.1", udp, "udp")).toMatch(/^dns/);
  });

  it("cannot be another container's", async () => {
    await node.succeed("run", "-d", "--name", "first", "-p", "18200:80", image, ...server("first"));

    const result = await node.cli("run", "--name", "second", "-p", "18200:80", image, "true");

    expect(result).toMatchObject({ exitCode: 125, stdout: "" });
    expect(result.stderr).toContain("Bind for 0.0.0.0:18200 failed: port is already allocated");
    const second = await node.succeed("inspect", "--format", "{{.Id}}", "second");
    expect(await networkTraces(node.host.runRoot, second)).toEqual([]);
    expect(await answerOf(18200)).toBe("first");
  });

  it("cannot be those of a program of the host", async () => {
    const program = createServer().listen(18201, "127.0.0.1");

    const result = await node.cli("run", "--rm", "-p", "18201:80", image, "true");
    program.close();

    expect(result).toMatchObject({ exitCode: 125, stdout: "" });
    expect(result.stderr).toContain("failed to bind host port 0.0.0.0:18201/tcp: address already in use");
  });

  it("can be had again as soon as the container has stopped", async () => {
    await node.succeed("run", "-d", "--name", "web", "-p", "18202:80", image, ...server("web"));
    for (const next of ["x", "y", "z"]) {
      await node.succeed("rm", "-f", "web");
      await node.succeed("run", "-d", "--name", "web", "-p", "18202:80", image, ...server(`web-${next}`));
      expect(await answerOf(18202)).toBe(`web-${next}`);
    }
    await node.succeed("restart", "-t", "0", "web");
    expect(await answerOf(18202)).toBe("web-z");
  });

  it("of thirty containers that start at once are all there, and go with them", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `many${index}`);
    const ids = await Promise.all(
      names.map((name, index) =>
        node.succeed("run", "-d", "--name", name, "-p", `${18300 + index}:80`, image, ...server("many")),
      ),
    );

    for (const index of names.keys()) expect(await answerOf(18300 + index)).toBe("many");
    await node.succeed("rm", "-f", ...names);

    await noNetworkTraces(node.host.runRoot, ...ids);
  }, 120_000);
});

describe("a container that ends", () => {
  const endings: readonly (readonly [string, (id: string) => Promise<unknown>])[] = [
    ["by itself", (id) => node.succeed("kill", "-s", "USR1", id)],
    ["by stop", (id) => node.succeed("stop", "-t", "0", id)],
    ["by kill", (id) => node.succeed("kill", id)],
    ["by rm -f", (id) => node.succeed("rm", "-f", id)],
    ["with its shim", (id) => killShim(id)],
  ];

  it.each(endings)("%s leaves nothing in the host's network", async (_, end) => {
    const command = ["sh", "-c", "trap 'exit 3' USR1; while :; do sleep 0.1; done"];
    const id = await node.succeed("run", "-d", "-p", "80", "-p", "53/udp", image, ...command);
    expect((await networkTraces(node.host.runRoot, id)).length).toBeGreaterThanOrEqual(5);

    await end(id);

    await noNetworkTraces(node.host.runRoot, id);
  });

  it("before it could start leaves nothing either", async () => {
    await node.cli("run", "--name", "broken", "-p", "18400:80", image, "/no/such/command");

    const id = await node.succeed("inspect", "--format", "{{.Id}}", "broken");
    await noNetworkTraces(node.host.runRoot, id);
    await node.succeed("run", "--rm", "-p", "18400:80", image, "true");
  });
});

/** As the kernel's memory killer may do. */
async function killShim(id: string): Promise<void> {
  const shims = (await runProgram("pgrep", ["-f", `containerd-shim.* -id ${id}`])).stdout.split("\n").filter(Boolean);
  const task = await node.client.tasks.get(id);
  for (const pid of shims) process.kill(Number(pid), "SIGKILL");
  process.kill(task.pid, "SIGKILL");
}

describe("network modes", () => {
  it("none has a loopback and nothing else", async () => {
    const output = await node.succeed("run", "--rm", "--network", "none", image, "ip", "-o", "link");

    expect(output.split("\n")).toHaveLength(1);
    expect(output).toMatch(/^1: lo: <LOOPBACK,UP/);
  });

  it("host is the host's, with its names", async () => {
    const network = (await runProgram("readlink", ["/proc/self/ns/net"])).stdout.trim();

    const output = await node.succeed("run", "--rm", "--network", "host", image, "readlink", "/proc/self/ns/net");

    expect(output).toBe(network);
    expect(await node.succeed("run", "--rm", "--network", "host", image, "hostname")).toBe(
      (await runProgram("hostname", [])).stdout.trim(),
    );
  });

  it("container: shares another's network and names", async () => {
    const id = await node.succeed("run", "-d", "--name", "web", "--hostname", "webhost", image, ...server("web"));
    const join = ["run", "--rm", "--network", "container:web", image];

    const [address] = / inet [^ ]+/.exec(await inNetns(netnsOf(id), ["-4", "address", "show", "dev", "eth0"])) ?? [];
    expect(await node.succeed(...join, "ip", "address", "show", "dev", "eth0")).toContain(address);
    expect(await node.succeed(...join, "hostname")).toBe("webhost");
    expect(await node.succeed(...join, "cat", "/etc/hosts")).toContain("webhost");
    await waitUntil(
      "the server answers",
      async () => (await node.cli(...join, "nc", "127.0.0.1", "80")).stdout === "web\n",
    );
  });

  it("takes an address that is asked for, once, where the user configured the subnet", async () => {
    const network = `fixed-${randomBytes(3).toString("hex")}`;
    // Of this containerd: the log lies in DATA/containers/NAMESPACE/ID.
    const logPath = await node.succeed("inspect", "-f", "{{.LogPath}}", await node.succeed("create", image, "true"));
    const directory = resolve(dirname(logPath), "../../../networks");
    const ranges = [[{ subnet: "10.231.7.0/24", gateway: "10.231.7.1" }]];
    const plugin = { type: "bridge", bridge: `br-${network.slice(6)}`, ipam: { type: "host-local", ranges } };
    await mkdir(directory, { recursive: true });
    const conflist = JSON.stringify({ cniVersion: "1.0.0", name: network, plugins: [plugin] });
    await writeFile(`${directory}/${network}.conflist`, conflist);
    const command = (address: string) => ["--network", network, "--ip", address, image];

    const script = "ip -o -4 address show eth0; exec sleep 1000";
    await node.succeed("run", "-d", "--name", "fixed", ...command("10.231.7.123"), "sh", "-c", script);

    await waitUntil("the address is shown", async () =>
      (await node.succeed("logs", "fixed")).includes(" 10.231.7.123/"),
    );
    expect(await node.cli("run", "--rm", ...command("10.231.7.123"), "true")).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining("address already in use: 10.231.7.123"),
    });
    expect(await node.cli("run", "--rm", ...command("192.0.2.9"), "true")).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining("no configured subnet contains IP address 192.0.2.9"),
    });
    await node.succeed("rm", "-f", "fixed");
    // It goes after a while: looked at when the others have had theirs.
    lingering.push({ bridge: `br-${network.slice(6)}`, configuration: `${directory}/${network}.conflist` });
  });

  it("may be a network that another CNI runtime made", async () => {
    const name = `web-${randomBytes(3).toString("hex")}`;
    const bridge = `br-${name.slice(4)}`;
    const path = `/etc/cni/net.d/nerdctl-${name}.conflist`;
    await mkdir("/etc/cni/net.d", { recursive: true });
    const ranges = [[{ subnet: "10.4.77.0/24", gateway: "10.4.77.1" }]];
    const plugins = [
      { type: "bridge", bridge, isGateway: true, ipMasq: true, ipam: { type: "host-local", ranges } },
      { type: "portmap", capabilities: { portMappings: true } },
    ];
    await writeFile(path, JSON.stringify({ cniVersion: "1.0.0", name, plugins }));
    try {
      await node.succeed(
        "run",
        "-d",
        "--name",
        "web",
        "--network",
        name,
        "-p",
        "18500:80",
        image,
        ...server("foreign"),
      );

      expect(await answerOf(18500)).toBe("foreign");
      const address = await node.succeed(
        "inspect",
        "--format",
        `{{(index .NetworkSettings.Networks "${name}").IPAddress}}`,
        "web",
      );
      expect(address).toMatch(/^10\.4\.77\./);
      const id = await node.succeed("inspect", "--format", "{{.Id}}", "web");
      await node.succeed("rm", "-f", "web");
      await noNetworkTraces(node.host.runRoot, id);
    } finally {
      await rm(path);
      await rm(`/var/lib/cni/networks/${name}`, { recursive: true, force: true });
      await removePluginBase(bridge);
    }
  });

  it("that do not exist are refused", async () => {
    const result = await node.cli("run", "--rm", "--network", "nowhere", image, "true");

    expect(result).toMatchObject({ exitCode: 125, stdout: "" });
    expect(result.stderr).toContain("network nowhere not found");
    expect(await node.succeed("ps", "-aq")).toBe("");
  });
});

/** The plugins leave their bridge and their chains standing; wharf's own, beside them, stay. */
async function removePluginBase(bridge: string): Promise<void> {
  await runProgram("ip", ["link", "delete", bridge]);
  const { stdout } = await runProgram("iptables-save", []);
  for (const table of stdout.split(/^\*/m)) {
    const name = table.split("\n")[0] ?? "";
    const jumps = table.match(/^-A [A-Z]+ .*-j CNI-.*$/gm) ?? [];
    const chains = [...table.matchAll(/^:(CNI-\S+)/gm)].map((match) => match[1] ?? "");
    if (chains.length === 0) continue;
    const changes = [
      ...jumps.map((line) => `-D${line.slice(2)}`),
      ...chains.map((chain) => `-F ${chain}`),
      ...chains.map((chain) => `-X ${chain}`),
    ];
    await runProgram("iptables-restore", ["--noflush"], { stdin: [`*${name}`, ...changes, "COMMIT", ""].join("\n") });
  }
}

describe("names", () => {
  it("are those of --add-host, and the container's own", async () => {
    const output = await node.succeed(
      ...["run", "--rm", "--hostname", "web", "--domainname", "example.org"],
      ...["--add-host", "db:203.0.113.9", "--add-host", "six:2001:db8::9", image],
      ...["sh", "-c", "cat /etc/hosts; hostname; cat /etc/hostname; ip -o -4 address show eth0"],
    );

    const address = / inet ([\d.]+)\//.exec(output)?.[1];
    expect(output).toContain("127.0.0.1\tlocalhost\n");
    expect(output).toContain("203.0.113.9\tdb\n");
    expect(output).toContain("2001:db8::9\tsix\n");
    expect(output).toContain(`${address}\tweb.example.org web\n`);
    expect(output).toContain("\nweb\nweb\n");
  });

  it("host-gateway is an address at which the host answers", async () => {
    await using _host = await startServer("", { greeting: "host", port: 18600 });

    const output = await node.succeed(
      ...["run", "--rm", "--add-host", "host.docker.internal:host-gateway", image],
      ...["nc", "host.docker.internal", "18600"],
    );

    expect(output).toMatch(/^host 10\./);
  });

  it("are looked up where --dns says", async () => {
    const output = await node.succeed(
      ...["run", "--rm", "--dns", "192.0.2.53", "--dns-search", "example.org", "--dns-option", "ndots:3", image],
      ...["cat", "/etc/resolv.conf"],
    );

    expect(output.split("\n").filter((line) => !line.startsWith("#"))).toEqual([
      "nameserver 192.0.2.53",
      "search example.org",
      "options ndots:3",
    ]);
  });

  it("stay as they were edited when the container starts again", async () => {
    const edit = "test -e /done || { echo '198.51.100.1 mine' >> /etc/hosts; touch /done; }; cat /etc/hosts";
    await node.succeed("run", "--name", "web", image, "sh", "-c", edit);

    const again = await node.succeed("start", "-a", "web");

    expect(again).toContain("198.51.100.1 mine");
    expect(again.match(/mine/g)).toHaveLength(1);
  });
});
