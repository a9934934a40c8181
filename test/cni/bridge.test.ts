import { randomInt } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BridgeNetwork } from "../../src/cni/bridge-network.ts";
import { FileLock } from "../../src/store/file-lock.ts";
import { hostLockPath } from "../../src/store/layout.ts";
import {
  ask,
  askFrom,
  containerId,
  hostState,
  inNetns,
  Neighbour,
  published,
  startServer,
  TestNetworks,
} from "../support/network.ts";
import { runProgram } from "../support/program.ts";
import { waitUntil } from "../support/wait-until.ts";

let before = "";

/** True while somebody on this host waits for a lock. */
async function waitsForLock(): Promise<boolean> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return lines.some((line) => line.startsWith("flock\0-w\0"));
}

beforeAll(async () => {
  await runProgram("iptables-save", []);
  before = await hostState();
});

// Whatever a test did, the host is as it was.
afterAll(async () => {
  expect(await hostState()).toBe(before);
});

describe("the default network", () => {
  it("gives a container an address, a gateway, and a MAC address that follows from its address", async () => {
    await using test = await TestNetworks.open();

    const { endpoint, netnsPath } = await test.join();

    expect(endpoint).toMatchObject({ networkName: "bridge", interfaceName: "eth0", prefixLength: 20 });
    expect(endpoint.ipAddress).toMatch(/^10\.201\.\d+\.2$/);
    expect(endpoint.gateway).toBe(endpoint.ipAddress.replace(/2$/, "1"));
    const [, second, third] = endpoint.ipAddress.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
    expect(endpoint.macAddress).toBe(`02:42:0a:${second}:${third}:02`);
    const address = await inNetns(netnsPath, ["address", "show", "dev", "eth0"]);
    expect(address).toContain(`inet ${endpoint.ipAddress}/20`);
    expect(address).toContain(`link/ether ${endpoint.macAddress}`);
    expect(address).not.toContain("inet6");
    expect(await inNetns(netnsPath, ["route", "show", "default"])).toContain(`via ${endpoint.gateway}`);
    expect(await inNetns(netnsPath, ["address", "show", "dev", "lo"])).toContain("inet 127.0.0.1/8");
  });

  it("lets containers reach each other and the host", async () => {
    await using test = await TestNetworks.open();
    const [one, other] = [await test.join(), await test.join()];
    await using _server = await startServer(one.netnsPath);
    await using _host = await startServer("", { greeting: "host", port: 7000 });

    expect(await askFrom(other.netnsPath, one.endpoint.ipAddress, 80)).toBe(`hello ${other.endpoint.ipAddress}`);
    expect(await askFrom(other.netnsPath, other.endpoint.gateway, 7000)).toBe(`host ${other.endpoint.ipAddress}`);
  });

  it("lets containers reach the world under the host's address", async () => {
    await using neighbour = await Neighbour.connect();
    await using test = await TestNetworks.open();
    const { netnsPath } = await test.join();
    await using _server = await startServer(neighbour.netnsPath);

    expect(await askFrom(netnsPath, neighbour.address, 80)).toBe(`hello ${neighbour.hostAddress}`);
    expect(await askFrom(netnsPath, neighbour.address, 80, "udp")).toBe(`hello ${neighbour.hostAddress}`);
  });

  it("leads published ports in from everywhere, over TCP and UDP", async () => {
    await using neighbour = await Neighbour.connect();
    await using test = await TestNetworks.open();
    const ports = [published(8080, 80), published(8080, 80, { protocol: "udp" })];
    const [container, other] = [await test.join({ ports }), await test.join()];
    await using _server = await startServer(container.netnsPath);
    const { gateway, ipAddress } = container.endpoint;

    for (const protocol of ["tcp", "udp"] as const) {
      expect(await ask("127.0.0.1", 8080, protocol)).toBe(`hello ${gateway}`);
      expect(await ask(neighbour.hostAddress, 8080, protocol)).toBe(`hello ${neighbour.hostAddress}`);
      expect(await ask(gateway, 8080, protocol)).toBe(`hello ${gateway}`);
      // The container sees who it is that asks.
      expect(await askFrom(neighbour.netnsPath, neighbour.hostAddress, 8080, protocol)).toBe(
        `hello ${neighbour.address}`,
      );
      expect(await askFrom(other.netnsPath, neighbour.hostAddress, 8080, protocol)).toBe(`hello ${gateway}`);
      expect(await askFrom(container.netnsPath, neighbour.hostAddress, 8080, protocol)).toBe(`hello ${gateway}`);
      expect(await ask(ipAddress, 80, protocol)).toBe(`hello ${gateway}`);
    }
  });

  it("publishes on one address alone", async () => {
    await using neighbour = await Neighbour.connect();
    await using test = await TestNetworks.open();
    const ports = [
      published(8081, 80, { hostIp: "127.0.0.1" }),
      published(8082, 80, { hostIp: neighbour.hostAddress }),
    ];
    const { netnsPath } = await test.join({ ports });
    await using _server = await startServer(netnsPath);

    expect(await ask("127.0.0.1", 8081)).toMatch(/^hello/);
    expect(await askFrom(neighbour.netnsPath, neighbour.hostAddress, 8081)).toBe("ECONNREFUSED");
    expect(await askFrom(neighbour.netnsPath, neighbour.hostAddress, 8082)).toMatch(/^hello/);
    expect(await ask("127.0.0.1", 8082)).toBe("ECONNREFUSED");
  });

  it("keeps what is not published closed to the network's neighbours", async () => {
    await using neighbour = await Neighbour.connect();
    await using test = await TestNetworks.open();
    const { netnsPath, endpoint } = await test.join({ ports: [published(8083, 80)] });
    await using _server = await startServer(netnsPath);
    await using _hidden = await startServer(netnsPath, { port: 81 });
    await inNetns(neighbour.netnsPath, ["route", "add", "10.0.0.0/8", "via", neighbour.hostAddress]);

    expect(await askFrom(neighbour.netnsPath, endpoint.ipAddress, 81)).toBe("ETIMEDOUT");
    expect(await askFrom(neighbour.netnsPath, neighbour.hostAddress, 8083)).toMatch(/^hello/);
  });

  it("keeps a port on 127.0.0.1 from a neighbour that sends packets there", async () => {
    await using neighbour = await Neighbour.connect();
    await using test = await TestNetworks.open();
    const { netnsPath } = await test.join({ ports: [published(8084, 80, { hostIp: "127.0.0.1" })] });
    await using _server = await startServer(netnsPath);

    await sendLoopbackAbroad(neighbour.netnsPath, "lan0", neighbour.hostAddress);

    expect(await askFrom(neighbour.netnsPath, "127.0.0.1", 8084)).toBe("ETIMEDOUT");
    expect(await ask("127.0.0.1", 8084)).toMatch(/^hello/);
  });

  it("keeps the host's loopback services from containers that send packets there", async () => {
    await using test = await TestNetworks.open();
    const { netnsPath, endpoint } = await test.join();
    await using _server = await startServer("", { address: "127.0.0.1", port: 7001 });

    await sendLoopbackAbroad(netnsPath, "eth0", endpoint.gateway);

    expect(await askFrom(netnsPath, "127.0.0.1", 7001)).toBe("ETIMEDOUT");
  });

  it("works beside a FORWARD policy of DROP, and behind DOCKER-USER", async () => {
    await using neighbour = await Neighbour.connect();
    await runProgram("iptables", ["-N", "DOCKER-USER"]);
    await runProgram("iptables", ["-I", "FORWARD", "-j", "DOCKER-USER"]);
    await runProgram("iptables", ["-P", "FORWARD", "DROP"]);
    try {
      await using test = await TestNetworks.open();
      const { netnsPath } = await test.join({ ports: [published(8085, 80)] });
      await using _server = await startServer(netnsPath);
      await using _outside = await startServer(neighbour.netnsPath);

      expect(await askFrom(neighbour.netnsPath, neighbour.hostAddress, 8085)).toMatch(/^hello/);
      expect(await askFrom(netnsPath, neighbour.address, 80)).toMatch(/^hello/);

      await runProgram("iptables", ["-A", "DOCKER-USER", "-s", neighbour.address, "-j", "DROP"]);
      expect(await askFrom(neighbour.netnsPath, neighbour.hostAddress, 8085)).toBe("ETIMEDOUT");
    } finally {
      await runProgram("iptables", ["-P", "FORWARD", "ACCEPT"]);
      await runProgram("iptables", ["-D", "FORWARD", "-j", "DOCKER-USER"]);
      await runProgram("iptables", ["-F", "DOCKER-USER"]);
      await runProgram("iptables", ["-X", "DOCKER-USER"]);
    }
  });

  it("takes UDP flows along that began before the port was published", async () => {
    await using neighbour = await Neighbour.connect();
    await using test = await TestNetworks.open();
    const port = published(8086, 80, { protocol: "udp" });
    const askAgain = () => askFrom(neighbour.netnsPath, neighbour.hostAddress, 8086, "udp", { sourcePort: 40_000 });
    const first = await test.join({ ports: [port] });
    {
      await using _server = await startServer(first.netnsPath, { greeting: "first" });
      expect(await askAgain()).toMatch(/^first/);
    }
    await test.leave(first);

    const second = await test.join({ ports: [port], ipAddress: first.endpoint.ipAddress.replace(/\d+$/, "77") });
    await using _server = await startServer(second.netnsPath, { greeting: "second" });

    expect(await askAgain()).toMatch(/^second/);
  });
});

describe("addresses", () => {
  it("are given from the lowest on, and again once they are free", async () => {
    await using test = await TestNetworks.open();
    const containers = [await test.join(), await test.join(), await test.join()];
    expect(containers.map(({ endpoint }) => endpoint.ipAddress.split(".")[3])).toEqual(["2", "3", "4"]);

    const [, second] = containers;
    if (second === undefined) throw new Error("unreachable");
    await test.leave(second);

    expect((await test.join()).endpoint.ipAddress).toBe(second.endpoint.ipAddress);
  });

  it("can be chosen, with a MAC address", async () => {
    await using test = await TestNetworks.open();
    const { gateway } = (await test.join()).endpoint;
    const ipAddress = gateway.replace(/1$/, "99");

    const { endpoint } = await test.join({ ipAddress, macAddress: "02:00:00:00:00:99" });

    expect(endpoint).toMatchObject({ ipAddress, macAddress: "02:00:00:00:00:99" });
    await expect(test.join({ ipAddress })).rejects.toMatchObject({ code: "conflict" });
    await expect(test.join({ ipAddress: gateway })).rejects.toMatchObject({ code: "conflict" });
    await expect(test.join({ ipAddress: "192.0.2.7" })).rejects.toMatchObject({
      code: "invalid-argument",
      message: "no configured subnet contains IP address 192.0.2.7",
    });
  });

  it("never run out while containers come and go on a small network", async () => {
    await using test = await TestNetworks.open({ addressPools: ["10.201.7.0/29"] });

    for (let round = 0; round < 12; round++) await test.leave(await test.join());

    await Promise.all([1, 2, 3, 4, 5].map(() => test.join()));
    await expect(test.join()).rejects.toMatchObject({
      code: "resource-exhausted",
      message: "no available IPv4 addresses in 10.201.7.0/29 of network bridge",
    });
  });
});

describe("the subnet", () => {
  it("stays away from the host's routes and from what other configurations give away", async () => {
    await using test = await TestNetworks.open({ addressPools: ["10.210.0.0/18"] });
    await mkdir(join(test.directory, "net.d/web"), { recursive: true });
    const conflist = (subnet: string) =>
      JSON.stringify({
        name: "x",
        plugins: [{ type: "bridge", ipam: { type: "host-local", ranges: [[{ subnet }]] } }],
      });
    await writeFile(join(test.directory, "net.d/a.conflist"), conflist("10.210.0.0/24"));
    await writeFile(join(test.directory, "net.d/web/b.conflist"), conflist("10.210.20.0/24"));
    await runProgram("ip", ["route", "add", "blackhole", "10.210.32.0/24", "table", "77"]);
    try {
      expect((await test.networks.resolve("bridge")).subnet).toBe("10.210.48.0/20");
    } finally {
      await runProgram("ip", ["route", "delete", "blackhole", "10.210.32.0/24", "table", "77"]);
    }
  });

  it("moves when the host has taken it while no container was there", async () => {
    await using test = await TestNetworks.open({ addressPools: ["10.211.0.0/16"] });
    expect((await test.networks.resolve("bridge")).subnet).toBe("10.211.0.0/20");
    await test.networks.close();
    await runProgram("ip", ["route", "add", "blackhole", "10.211.3.0/24"]);
    try {
      const container = await test.join();
      expect(container.endpoint.ipAddress).toBe("10.211.16.2");
    } finally {
      await runProgram("ip", ["route", "delete", "blackhole", "10.211.3.0/24"]);
    }
  });

  it("waits for another wharf of the host that changes what they share", async () => {
    await using test = await TestNetworks.open();
    const lock = await waitUntil("nobody else has it", () => FileLock.acquire(hostLockPath()));
    const joined = test.join();
    await waitUntil("it waits for the lock", waitsForLock);
    expect(await test.networks.holdings().then(({ addresses }) => addresses)).toEqual([]);

    lock.release();

    expect((await joined).endpoint.ipAddress).toMatch(/^10\.201\./);
  });

  it("is another for each wharf of the host, also when they start at once", async () => {
    await using one = await TestNetworks.open();
    await using other = await TestNetworks.open();

    const [first, second] = await Promise.all([one.join(), other.join()]);

    expect(first.endpoint.gateway).not.toBe(second.endpoint.gateway);
    const bridges = await Promise.all([one, other].map(({ networks }) => networks.resolve("bridge")));
    expect(new Set(bridges.map(({ bridge }) => bridge)).size).toBe(2);
    // Nor do they reach each other's containers.
    await using _server = await startServer(second.netnsPath);
    expect(await askFrom(first.netnsPath, second.endpoint.ipAddress, 80)).toBe("ETIMEDOUT");
  });
});

describe("detaching", () => {
  it("leaves the host as it was", async () => {
    await using test = await TestNetworks.open();
    const idle = await hostState();
    expect(idle).toBe(before);

    const container = await test.join({ ports: [published(8087, 80), published(8087, 80, { protocol: "udp" })] });
    expect(await hostState()).not.toBe(before);
    await test.leave(container);
    await test.networks.close();

    expect(await hostState()).toBe(before);
    expect(await readdir(join(test.directory, "run/ipam/bridge"))).toEqual([]);
  });

  it("leaves a bridge that the next container finds up, and takes it down after a while", async () => {
    await using test = await TestNetworks.open({ lingerMs: 300 });
    await test.leave(await test.join({ ports: [published(8088, 80)] }));
    const lingering = await hostState();
    expect(lingering).toContain("WHARF-PUBLISH");

    const again = await test.join({ ports: [published(8088, 80)] });
    await test.leave(again);

    await waitUntil("the bridge is gone", async () => (await hostState()) === before);
  });

  it("may come twice, and after the namespace, the cable or the rules have gone", async () => {
    await using test = await TestNetworks.open();
    await test.join();
    const settled = await hostState();
    const breakages: ((netnsPath: string, id: string) => Promise<unknown>)[] = [
      (netnsPath) => runProgram("ip", ["netns", "delete", netnsPath.slice("/run/netns/".length)]),
      (_, id) => runProgram("ip", ["link", "delete", `veth${id.slice(0, 10)}0`]),
      () => runProgram("iptables", ["-t", "nat", "-F", "WHARF-PUBLISH"]),
    ];
    for (const breakage of breakages) {
      const container = await test.join({ ports: [published(8089, 80), published(8090, 81)] });
      await breakage(container.netnsPath, container.id);

      await test.leave(container);
      await test.leave(container);

      expect(await hostState()).toBe(settled);
    }
  });

  it("cuts the cable of a namespace that somebody else keeps alive", async () => {
    await using test = await TestNetworks.open();
    await test.join();
    const settled = await hostState();
    const container = await test.join();
    await using _squatter = await startServer(container.netnsPath);

    await test.leave(container);

    expect(await hostState()).toBe(settled);
  });
});

describe("after a crash", () => {
  it("a container that is attached again gets rid of what it had", async () => {
    await using test = await TestNetworks.open();
    const id = containerId();
    const crashed = await test.join({ id, ports: [published(8091, 80)] });
    const settled = await hostState();

    const next = test.reopen();
    const netnsPath = await next.createSandbox(id);
    const ports = [published(8091, 80)];
    const endpoint = await next.attach({ containerId: id, netnsPath, network: "bridge", ports });

    expect(endpoint.ipAddress).toBe(crashed.endpoint.ipAddress);
    expect(await hostState()).toBe(settled);
    await next.detach({ containerId: id, netnsPath, endpoints: [endpoint] });
    await next.close();
    expect(await hostState()).toBe(before);
  });

  it("the next supervisor knows who has what, and can take away what a container had that is gone", async () => {
    await using test = await TestNetworks.open();
    const alive = await test.join();
    const dead = await test.join({ ports: [published(8092, 80)] });

    const next = test.reopen();
    const { addresses, sandboxes } = await next.holdings();
    expect(addresses.map(({ containerId }) => containerId).sort()).toEqual([alive.id, dead.id].sort());
    expect(sandboxes.map(({ path }) => path)).toEqual(expect.arrayContaining([alive.netnsPath, dead.netnsPath]));
    await next.forget(dead.id);

    expect(await readdir(join(test.directory, "run/ipam/bridge"))).toEqual([alive.endpoint.ipAddress]);
    expect(await hostState()).not.toContain(dead.id.slice(0, 10));
  });

  it("a port that is being withdrawn stays withdrawn, though a new supervisor puts the firewall in order", async () => {
    await using test = await TestNetworks.open();
    const { id, netnsPath } = await test.join({ ports: [published(8093, 80)] });
    // Whoever else is in its network namespace keeps the cable, and with it the lease, for a while.
    await using _squatter = await startServer(netnsPath);
    const next = test.reopen();
    const bridge = (await next.bridges())[0] as BridgeNetwork;
    const rules = async () => (await hostState()).split("\n").filter((line) => line.includes("--dport 8093"));

    const forgotten = next.forget(id);
    await waitUntil("the rule is gone", async () => (await rules()).length === 0);
    await next.restoreRules(bridge);
    await forgotten;

    expect(await rules()).toEqual([]);
    expect(await bridge.strayRules()).toEqual([]);
  });

  it("ports that are withdrawn while the firewall is put in order over and over do not come back", async () => {
    await using test = await TestNetworks.open();
    await test.join();
    const bridge = (await test.networks.bridges())[0] as BridgeNetwork;
    let over = false;
    const tidying = (async () => {
      while (!over) await test.networks.restoreRules(bridge);
    })();

    for (let round = 0; round < 15; round++) {
      const going = await Promise.all([8094, 8095].map((port) => test.join({ ports: [published(port, 80)] })));
      await Promise.all(going.map((container) => test.leave(container)));
    }
    over = true;
    await tidying;

    expect(await bridge.strayRules()).toEqual([]);
  });

  it("a file that was being written is no address in use", async () => {
    await using test = await TestNetworks.open();
    const { endpoint, ...container } = await test.join();
    await test.leave({ endpoint, ...container });
    await writeFile(join(test.directory, "run/ipam/bridge", endpoint.ipAddress), '{"containerId":"');

    const next = test.reopen();
    const netnsPath = await next.createSandbox(container.id);
    const again = await next.attach({ containerId: container.id, netnsPath, network: "bridge", ports: [] });

    expect(again.ipAddress).toBe(endpoint.ipAddress);
    await next.detach({ containerId: container.id, netnsPath, endpoints: [again] });
    await next.close();
  });

  it("a veth of the same name is no obstacle", async () => {
    await using test = await TestNetworks.open();
    const id = containerId();
    const name = `veth${id.slice(0, 10)}0`;
    await runProgram("ip", ["link", "add", name, "type", "veth", "peer", "name", `peer${randomInt(1e6)}`]);

    await test.join({ id });

    expect(await hostState()).toContain(name);
  });
});

describe("a firewall that was reloaded", () => {
  it("gets all rules back with the next container", async () => {
    await using test = await TestNetworks.open();
    const first = await test.join({ ports: [published(8093, 80)] });
    await using _server = await startServer(first.netnsPath);
    const one = await hostState();
    await flushFirewall();
    expect(await ask("127.0.0.1", 8093)).toBe("ECONNREFUSED");

    const second = await test.join({ ports: [published(8094, 80)] });
    expect(await ask("127.0.0.1", 8093)).toMatch(/^hello/);

    await test.leave(second);
    expect(sorted(await hostState())).toEqual(sorted(one));
  });

  it("is no obstacle to detaching", async () => {
    await using test = await TestNetworks.open();
    const container = await test.join({ ports: [published(8095, 80)] });
    await flushFirewall();

    await test.leave(container);
    await test.networks.close();

    expect(await hostState()).toBe(before);
  });
});

describe("many containers at once", () => {
  it("each get an address and a port, and leave nothing", async () => {
    await using test = await TestNetworks.open();
    const containers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => test.join({ ports: [published(8200 + index, 80)] })),
    );

    expect(new Set(containers.map(({ endpoint }) => endpoint.ipAddress)).size).toBe(30);
    const last = containers[29];
    await using _server = await startServer(last?.netnsPath ?? "");
    expect(await ask("127.0.0.1", 8229)).toMatch(/^hello/);
    await Promise.all(containers.map((container) => test.leave(container)));
    await test.networks.close();

    expect(await hostState()).toBe(before);
  });

  it("may be the same container, stopped and started at once", async () => {
    await using test = await TestNetworks.open();
    const id = containerId();
    let container = await test.join({ id, ports: [published(8096, 80)] });
    for (let round = 0; round < 5; round++) {
      const left = test.leave(container);
      container = await test.join({ id, ports: [published(8096, 80)] });
      await left;
    }
    await using _server = await startServer(container.netnsPath);

    expect(await ask("127.0.0.1", 8096)).toMatch(/^hello/);
  });
});

describe("with iptables' legacy backend", () => {
  it("publishes, masquerades, repairs and leaves nothing", async () => {
    await using neighbour = await Neighbour.connect();
    await using test = await TestNetworks.open();
    const bin = join(test.directory, "bin");
    await mkdir(bin);
    for (const tool of ["iptables-save", "iptables-restore"]) {
      const legacy = tool.replace("iptables", "iptables-legacy");
      await writeFile(join(bin, tool), `#!/bin/sh\nexec ${legacy} "$@"\n`, { mode: 0o755 });
    }
    const legacyRules = async () => (await runProgram("iptables-legacy-save", [])).stdout.match(/^-A.*/gm) ?? [];
    const path = process.env.PATH;
    process.env.PATH = `${bin}:${path}`;
    try {
      const first = await test.join({ ports: [published(8097, 80)] });
      await using _server = await startServer(first.netnsPath);
      await using _outside = await startServer(neighbour.netnsPath);
      expect(await ask("127.0.0.1", 8097)).toMatch(/^hello/);
      expect(await askFrom(neighbour.netnsPath, neighbour.hostAddress, 8097)).toBe(`hello ${neighbour.address}`);
      expect(await askFrom(first.netnsPath, neighbour.address, 80)).toBe(`hello ${neighbour.hostAddress}`);
      const rules = await legacyRules();

      // What is there already is recognised and not added again.
      await test.reopen().resolve("bridge");
      expect(await legacyRules()).toEqual(rules);

      await test.leave(first);
      await test.networks.close();
      expect(await legacyRules()).toEqual([]);
    } finally {
      process.env.PATH = path;
    }
  });
});

describe("a host without the tools", () => {
  it("is told what to install, and nothing is left", async () => {
    await using test = await TestNetworks.open();
    const bin = join(test.directory, "bin");
    await mkdir(bin);
    await writeFile(join(bin, "iptables-save"), "#!/bin/sh\necho no kernel support >&2; exit 3\n", { mode: 0o755 });
    const path = process.env.PATH;
    process.env.PATH = `${bin}:${path}`;
    try {
      await expect(test.join()).rejects.toMatchObject({ message: "iptables-save: no kernel support" });
    } finally {
      process.env.PATH = path;
    }
    await test.networks.close();
    expect(await hostState()).toBe(before);
    await rm(bin, { recursive: true });
  });
});

/** Makes packets to 127.0.0.1 leave a namespace, as somebody would who wants to reach another's loopback. */
async function sendLoopbackAbroad(netnsPath: string, device: string, gateway: string): Promise<void> {
  const netns = netnsPath.slice("/run/netns/".length);
  const setting = `net/ipv4/conf/${device}/route_localnet`;
  await runProgram("ip", ["netns", "exec", netns, "sh", "-c", `echo 1 > /proc/sys/${setting}`]);
  await inNetns(netnsPath, ["address", "delete", "127.0.0.1/8", "dev", "lo"]);
  await inNetns(netnsPath, ["route", "add", "127.0.0.1", "via", gateway, "dev", device]);
}

/** What a reload of somebody's own rules does. */
async function flushFirewall(): Promise<void> {
  for (const table of ["nat", "filter"]) {
    await runProgram("iptables", ["-t", table, "-F"]);
    await runProgram("iptables", ["-t", table, "-X"]);
  }
}

function sorted(text: string): string[] {
  return text.split("\n").sort();
}
