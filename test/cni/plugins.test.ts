import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ask,
  askFrom,
  containerId,
  hostState,
  Neighbour,
  published,
  startServer,
  TestNetworks,
} from "../support/network.ts";
import { runProgram } from "../support/program.ts";

let before = "";

beforeAll(async () => {
  before = await hostState();
});

afterAll(async () => {
  expect(await hostState()).toBe(before);
});

/** A network as nerdctl writes it, with its addresses kept below the test's own directory. */
async function configure(test: TestNetworks, { name = "web", plugins = [] as object[] } = {}): Promise<void> {
  const conflist = {
    cniVersion: "1.0.0",
    name,
    nerdctlID: "0".repeat(64),
    nerdctlLabels: {},
    plugins: [
      {
        type: "bridge",
        bridge: "br-web",
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: "host-local",
          dataDir: join(test.directory, "addresses"),
          ranges: [[{ subnet: "10.4.9.0/24", gateway: "10.4.9.1" }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "firewall" },
      { type: "tuning" },
      ...plugins,
    ],
  };
  await mkdir(join(test.directory, "net.d"), { recursive: true });
  await writeFile(join(test.directory, `net.d/nerdctl-${name}.conflist`), JSON.stringify(conflist));
}

/** The plugins leave their bridge and their base chains standing. */
async function removePluginBase(): Promise<void> {
  await runProgram("ip", ["link", "delete", "br-web"]);
  for (const table of ["nat", "filter"]) {
    await runProgram("iptables", ["-t", table, "-F"]);
    await runProgram("iptables", ["-t", table, "-X"]);
  }
}

describe("a network of CNI plugins", () => {
  it("is found by name and by id, beside wharf's own", async () => {
    await using test = await TestNetworks.open();
    await configure(test);

    const network = await test.networks.resolve("web");

    expect(network).toEqual({
      name: "web",
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      driver: "bridge",
      subnet: "10.4.9.0/24",
      gateway: "10.4.9.1",
      bridge: "br-web",
    });
    expect(await test.networks.resolve(network.id)).toEqual(network);
    await expect(test.networks.resolve("ghost")).rejects.toMatchObject({
      code: "not-found",
      message: "network ghost not found",
    });
  });

  it("attaches, publishes and detaches by its own plugins, and leaves what it leaves by itself", async () => {
    await using neighbour = await Neighbour.connect();
    await using test = await TestNetworks.open();
    await configure(test);
    await test.leave(await test.join({ network: "web", ports: [published(8300, 80)] }));
    const settled = await hostState();

    const container = await test.join({
      network: "web",
      ports: [
        published(8300, 80),
        published(8300, 80, { protocol: "udp" }),
        published(8301, 80, { hostIp: "127.0.0.1" }),
      ],
      ipAddress: "10.4.9.50",
      macAddress: "02:00:00:00:09:50",
    });

    expect(container.endpoint).toMatchObject({
      networkName: "web",
      ipAddress: "10.4.9.50",
      prefixLength: 24,
      gateway: "10.4.9.1",
      macAddress: "02:00:00:00:09:50",
    });
    {
      await using _server = await startServer(container.netnsPath);
      expect(await ask("127.0.0.1", 8300)).toMatch(/^hello/);
      expect(await ask("127.0.0.1", 8301)).toMatch(/^hello/);
      expect(await askFrom(neighbour.netnsPath, neighbour.hostAddress, 8300)).toMatch(/^hello/);
      expect(await askFrom(neighbour.netnsPath, neighbour.hostAddress, 8300, "udp")).toMatch(/^hello/);
    }
    await test.leave(container);
    expect(await hostState()).toBe(settled);
    expect(await addresses(test)).toEqual([]);
    await removePluginBase();
  });

  it("is left without a rule or address when the namespace has gone first", async () => {
    await using test = await TestNetworks.open();
    await configure(test);
    await test.leave(await test.join({ network: "web", ports: [published(8302, 80)] }));
    const settled = await hostState();
    const container = await test.join({ network: "web", ports: [published(8302, 80)] });
    await runProgram("ip", ["netns", "delete", container.netnsPath.slice("/run/netns/".length)]);

    await test.leave(container);
    await test.leave(container);

    expect(await hostState()).toBe(settled);
    expect(await addresses(test)).toEqual([]);
    await removePluginBase();
  });

  it("is left by a supervisor that knows nothing but the container's id", async () => {
    await using test = await TestNetworks.open();
    await configure(test);
    const { id, netnsPath } = await test.join({ network: "web" });

    await test.reopen().detach({ containerId: id, netnsPath, endpoints: [] });

    expect(await addresses(test)).toEqual([]);
    await removePluginBase();
  });

  it("takes a container back whose address a reboot left allocated", async () => {
    await using test = await TestNetworks.open();
    await configure(test);
    const id = containerId();
    const { netnsPath, endpoint } = await test.join({ id, network: "web" });
    await runProgram("ip", ["netns", "delete", netnsPath.slice("/run/netns/".length)]);
    await rm(join(test.directory, "run"), { recursive: true });

    const again = await test.join({ id, network: "web" });

    expect(again.endpoint.networkName).toBe(endpoint.networkName);
    expect(await addresses(test)).toEqual([again.endpoint.ipAddress]);
    await test.leave(again);
    await removePluginBase();
  });

  it("says in the plugin's own words why it cannot, and leaves nothing", async () => {
    await using test = await TestNetworks.open();
    await configure(test);
    await test.leave(await test.join({ network: "web" }));
    const settled = await hostState();

    await expect(test.join({ network: "web", ipAddress: "192.0.2.9" })).rejects.toMatchObject({
      code: "internal",
      message: expect.stringMatching(/^CNI plugin bridge: .*192\.0\.2\.9/),
    });

    expect(await hostState()).toBe(settled);
    expect(await addresses(test)).toEqual([]);
    await removePluginBase();
  });

  it("names a plugin that the host lacks", async () => {
    await using test = await TestNetworks.open();
    await configure(test, { name: "odd", plugins: [{ type: "no-such-plugin" }] });

    await expect(test.join({ network: "odd" })).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringMatching(/^CNI plugin no-such-plugin is not installed in /),
      hint: "run: wharf system install",
    });
    await rm(join(test.directory, "net.d"), { recursive: true });
    await removePluginBase();
  });

  it("cannot take the name of wharf's own default network", async () => {
    await using test = await TestNetworks.open();
    await configure(test, { name: "bridge" });

    const { endpoint } = await test.join();

    expect(endpoint.ipAddress).not.toMatch(/^10\.4\.9\./);
    expect((await test.networks.resolve("bridge")).bridge).toMatch(/^wharf/);
  });

  it("is passed over when its file is broken, and so are others' broken files", async () => {
    await using test = await TestNetworks.open();
    await configure(test);
    await writeFile(join(test.directory, "net.d/broken.conflist"), "{");
    await writeFile(join(test.directory, "net.d/nameless.conf"), '{"type":"bridge"}');

    expect((await test.networks.resolve("web")).subnet).toBe("10.4.9.0/24");
  });
});

async function addresses(test: TestNetworks): Promise<string[]> {
  const names = await readdir(join(test.directory, "addresses/web")).catch(() => []);
  return names.filter((name) => /^\d/.test(name));
}
