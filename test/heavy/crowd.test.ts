import { afterAll, beforeAll, expect, it } from "vitest";
import { comparePictures, looksAsBefore, takePicture } from "../support/host-picture.ts";
import { OwnHost } from "../support/own-host.ts";

const MANY = 200;
const AT_ONCE = 10;
const TIMEOUT_MS = 1_800_000;

let host: OwnHost;

beforeAll(async () => {
  host = await OwnHost.start();
});

afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

it(
  `${MANY} containers run on one host, each with a network, an address and a port, and leave nothing`,
  async () => {
    const { node } = host;
    // What the first container lays and the last one leaves: the bridge's rules, the keeper.
    await node.succeed("run", "--rm", "-p", "80", "busybox", "true");
    const before = await takePicture(node);
    const names = Array.from({ length: MANY }, (_, index) => `web${index}`);
    const waiting = [...names];
    const script = "echo ready; exec sleep 100000";
    const worker = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        const flags = ["-d", "--name", name, "-p", "80", "--health-cmd", "true", "--restart", "always"];
        const result = await node.cliWith({ timeoutMs: TIMEOUT_MS }, "run", ...flags, "busybox", "sh", "-c", script);
        expect(result).toMatchObject({ exitCode: 0, stderr: "" });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));

    expect((await node.succeed("ps", "--format", "{{.Names}}")).split("\n").sort()).toEqual([...names].sort());
    const places = '{{.NetworkSettings.IPAddress}} {{(index .NetworkSettings.Ports "80/tcp" 0).HostPort}}';
    const shown = (await node.succeed("inspect", "--format", places, ...names))
      .split("\n")
      .map((line) => line.split(" "));
    expect(new Set(shown.map(([address]) => address)).size).toBe(MANY);
    expect(new Set(shown.map(([, port]) => port)).size).toBe(MANY);
    for (const name of names) expect(await node.succeed("logs", name)).toBe("ready");
    expect(await node.succeed("exec", names.at(-1) ?? "", "echo", "here")).toBe("here");

    // The next supervisor takes all of them up.
    await host.killSupervisor();
    expect(await node.succeed("exec", names.at(0) ?? "", "echo", "here")).toBe("here");
    expect((await node.succeed("ps", "-q")).split("\n")).toHaveLength(MANY);
    const removed = await node.cliWith({ timeoutMs: TIMEOUT_MS }, "rm", "-f", ...names);
    expect(removed).toEqual({ exitCode: 0, stdout: `${names.join("\n")}\n`, stderr: "" });
    await looksAsBefore(node, before);
    expect(comparePictures(before, await takePicture(node))).toBe("");
  },
  TIMEOUT_MS,
);
