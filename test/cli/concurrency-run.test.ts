import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EngineApi, readLines } from "../../src/api/client.ts";
import { resolveSettings } from "../../src/cli/settings.ts";
import { isEngineError } from "../../src/errors.ts";
import type { EngineEvent } from "../../src/model/engine-event.ts";
import { apiSocketPath } from "../../src/store/layout.ts";
import type { CliResult } from "../support/cli.ts";
import { nodeOfFile } from "../support/file-node.ts";
import { ask } from "../support/network.ts";
import { networkTraces, noNetworkTraces } from "../support/network-traces.ts";
import { waitUntil } from "../support/wait-until.ts";

const MANY = 30;
const PATIENCE_MS = 60_000;

const node = nodeOfFile({ cleared: true });
const image = "busybox";

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

async function atOnce(count: number, command: (index: number) => readonly string[]): Promise<CliResult[]> {
  return await Promise.all(times(count, (index) => node.cliWith({ timeoutMs: 2 * PATIENCE_MS }, ...command(index))));
}

/** Nothing of any container is left: no record, task, root file system or lease. */
async function nothingLeft(): Promise<void> {
  const { client } = node;
  expect(await client.containers.list()).toEqual([]);
  expect(await client.tasks.list()).toEqual([]);
  const active = (await client.snapshots.list()).filter(({ kind }) => kind === "active");
  expect(active).toEqual([]);
  // Of a container that has just been made: it is let go behind the command.
  await waitUntil("no lease is left", async () => (await client.leases.list()).length === 0, PATIENCE_MS);
}

describe("containers that start at once", () => {
  it("get ports of their own, of any number and of one range, and all answer", async () => {
    const range = "18700-18799:80";
    const results = await atOnce(MANY, (index) => [
      ...["run", "-d", "-p", index % 2 === 0 ? "80" : range],
      ...[image, "nc", "-ll", "-p", "80", "-e", "echo", `hello ${index}`],
    ]);

    expect(results.map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual(
      times(MANY, () => ({ exitCode: 0, stderr: "" })),
    );
    const ids = results.map(({ stdout }) => stdout.trim());
    const ports = await Promise.all(
      ids.map(async (id) => Number((await node.succeed("port", id, "80/tcp")).split(":").at(-1))),
    );
    expect(new Set(ports).size).toBe(MANY);
    for (const [index, port] of ports.entries()) {
      if (index % 2 === 1) expect(port).toBeGreaterThanOrEqual(18700);
      if (index % 2 === 1) expect(port).toBeLessThanOrEqual(18799);
      await waitUntil(
        `container ${index} answers on port ${port}`,
        async () => (await ask("127.0.0.1", port)) === `hello ${index}\n`,
        PATIENCE_MS,
      );
    }
    await node.succeed("rm", "-f", ...ids);
    await noNetworkTraces(node.host.runRoot, ...ids);
    await nothingLeft();
  }, 240_000);

  it("of one name: one gets it, and the others say who has it", async () => {
    const results = await atOnce(MANY, () => [
      ...["run", "-d", "--rm", "--network", "none", "--name", "same"],
      ...[image, "sleep", "1000"],
    ]);

    const winners = results.filter(({ exitCode }) => exitCode === 0);
    expect(winners).toHaveLength(1);
    const id = winners[0]?.stdout.trim();
    const conflict = `wharf: Conflict. The container name "/same" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.\n`;
    for (const result of results.filter((one) => one !== winners[0])) {
      expect(result).toEqual({ exitCode: 125, stdout: "", stderr: conflict });
    }
    expect(await node.succeed("ps", "-aq", "--no-trunc")).toBe(id);
    await node.succeed("rm", "-f", "same");
    await nothingLeft();
  }, 240_000);
});

describe("one container and many commands at once", () => {
  /** What may be said to a command that another one was faster than. */
  const BEATEN = /^wharf: (No such container: web|.*is not running|.*is already in progress|.*marked for removal.*)\n/;

  it("stays what one of them says, and every other one is told so", async () => {
    const commands = [
      ["start", "web"],
      ["stop", "-t", "0", "web"],
      ["restart", "-t", "0", "web"],
      ["kill", "web"],
      ["start", "web"],
      ["stop", "-t", "0", "web"],
    ];
    await node.succeed("create", "--name", "web", "-p", "80", image, "sleep", "1000");

    const results = await atOnce(2 * commands.length, (index) => commands[index % commands.length] ?? []);

    for (const { exitCode, stdout, stderr } of results) {
      if (exitCode === 0) expect({ stdout, stderr }).toEqual({ stdout: "web\n", stderr: "" });
      else expect(stderr).toMatch(BEATEN);
    }
    // Whatever came last, it can be brought to either state.
    await node.succeed("start", "web");
    expect(await node.succeed("inspect", "-f", "{{.State.Status}}", "web")).toBe("running");
    await node.succeed("stop", "-t", "0", "web");
    expect(await node.succeed("inspect", "-f", "{{.State.Status}}", "web")).toBe("exited");
  }, 240_000);

  it("goes once when it is removed ten times while it is started and stopped", async () => {
    const id = await node.succeed("run", "-d", "--name", "web", "-p", "80", image, "sleep", "1000");

    const results = await atOnce(16, (index) => {
      if (index % 8 === 3) return ["start", "web"];
      if (index % 8 === 5) return ["stop", "-t", "0", "web"];
      if (index % 8 === 7) return ["restart", "-t", "0", "web"];
      return ["rm", "-f", "web"];
    });

    for (const { exitCode, stderr } of results) if (exitCode !== 0) expect(stderr).toMatch(BEATEN);
    await waitUntil("the container is gone", async () => (await node.succeed("ps", "-aq")) === "", PATIENCE_MS);
    await noNetworkTraces(node.host.runRoot, id);
    await nothingLeft();
  }, 240_000);
});

describe("rm of a container that is being started", () => {
  it("is refused, or keeps it from starting, at whatever moment it comes", async () => {
    const api = await openApi();
    for (let moment = 0; moment < 8; moment++) {
      const id = await node.succeed("create", "--name", "web", "--network", "none", image, "sleep", "1000");
      const settled = (call: Promise<unknown>) => call.catch((error: unknown) => error);
      const starting = settled(api.request("POST", `/containers/${id}/start`));
      for (let tick = 0; tick < moment; tick++) await api.request("GET", "/_ping").catch(() => undefined);
      const removed = await settled(api.request("DELETE", `/containers/${id}`));
      const started = await starting;

      // One of the two comes first, and the other one is told.
      const told = removed === undefined ? started : removed;
      expect([removed, started].filter((outcome) => outcome === undefined)).toHaveLength(1);
      expect(isEngineError(told, "not-found", "conflict")).toBe(true);
      if (removed !== undefined) await node.succeed("rm", "-f", "web");
    }
    api.close();
    await nothingLeft();
  }, 240_000);
});

describe("rm -f of a container that is being started", () => {
  it("leaves nothing, at whatever moment it comes", async () => {
    const api = await openApi();
    const ids: string[] = [];
    for (let moment = 0; moment < 16; moment++) {
      const { stdout } = await node.cli("create", "--name", "web", "-p", "18690:80", image, "sleep", "1000");
      const id = stdout.trim();
      ids.push(id);
      const started = api.request("POST", `/containers/${id}/start`).catch((error: unknown) => error);
      // A round trip to the supervisor is the clock of this test.
      for (let tick = 0; tick < moment; tick++) await api.request("GET", "/_ping").catch(() => undefined);
      await api.request("DELETE", `/containers/${id}`, { query: { force: true } });

      const failure = await started;
      if (failure !== undefined) expect(isEngineError(failure, "not-found", "conflict")).toBe(true);
    }
    api.close();
    await noNetworkTraces(node.host.runRoot, ...ids);
    await nothingLeft();
  }, 240_000);

  it("leaves nothing, and goes once, when it is started, restarted and removed again until it has gone", async () => {
    const api = await openApi();
    const since = Date.now() / 1000;
    const ids: string[] = [];
    for (let round = 0; round < 8; round++) {
      const id = await node.succeed("run", "-d", "--name", "web", "-p", "80", image, "sleep", "1000");
      ids.push(id);
      const removal = api.request("DELETE", `/containers/${id}`, { query: { force: true } });
      let removed = false;
      const until = removal.finally(() => {
        removed = true;
      });
      const insist = async (method: string, path: string, query = {}) => {
        while (!removed) {
          const failure = await api.request(method, path, { query }).catch((error: unknown) => error);
          if (failure !== undefined) expect(isEngineError(failure, "not-found", "conflict")).toBe(true);
        }
      };
      await Promise.all([
        until,
        insist("POST", "/containers/web/start"),
        insist("POST", "/containers/web/restart", { t: 0 }),
        insist("DELETE", "/containers/web", { force: true }),
      ]);
    }
    await noNetworkTraces(node.host.runRoot, ...ids);
    await nothingLeft();
    const query = { since, until: Date.now() / 1000, filters: JSON.stringify({ event: ["destroy"] }) };
    const destroyed: string[] = [];
    for await (const { Actor } of readLines<EngineEvent>(await api.stream("GET", "/events", { query }))) {
      destroyed.push(Actor.ID);
    }
    expect(destroyed).toEqual(ids);
    api.close();
  }, 240_000);
});

describe("restarts of one container by several people at once", () => {
  it("all succeed, and a container that is removed when it ends is there until it ends by itself", async () => {
    const api = await openApi();
    const id = await node.succeed("run", "-d", "--rm", "--network", "none", "--name", "web", image, "sleep", "1000");

    const query = { filters: JSON.stringify({ event: ["die"], container: [id] }) };
    const events = await api.stream("GET", "/events", { query });
    const deaths = readLines<EngineEvent>(events);
    const restart = async () => {
      const failure = await api
        .request("POST", "/containers/web/restart", { query: { t: 0 } })
        .catch((error: unknown) => error);
      if (failure instanceof Error) events.destroy(failure);
    };
    const restarts = [restart()];
    // Each comes while the one before it starts the container, and ends the process that this one has just started.
    for await (const _ of deaths) {
      if (restarts.length === 6) break;
      restarts.push(restart());
    }
    await Promise.all(restarts);

    expect(await node.succeed("inspect", "--format", "{{.Id}} {{.State.Status}}", "web")).toBe(`${id} running`);
    await node.succeed("stop", "-t", "0", "web");
    await waitUntil("the container is gone", async () => (await node.succeed("ps", "-aq")) === "", PATIENCE_MS);
    api.close();
    await nothingLeft();
  }, 240_000);

  it("leave a container that ends at once to its end: nobody is owed its start any more", async () => {
    const api = await openApi();
    const script = "[ -e /tried ] && exit; touch /tried; echo ready; sleep 1000";
    await node.succeed("run", "-d", "--rm", "--network", "none", "--name", "web", image, "sh", "-c", script);
    await waitUntil("it has been tried", async () => (await node.succeed("logs", "web")) === "ready");

    const restart = async () => {
      const failure = await api
        .request("POST", "/containers/web/restart", { query: { t: 0 } })
        .catch((error: unknown) => error);
      if (failure !== undefined) expect(isEngineError(failure, "not-found", "conflict")).toBe(true);
    };
    await Promise.all(times(4, restart));

    await waitUntil("the container is gone", async () => (await node.succeed("ps", "-aq")) === "", PATIENCE_MS);
    api.close();
    await nothingLeft();
  }, 240_000);
});

/** The supervisor as its own client speaks to it: a command takes longer to load than a container to start. */
async function openApi(): Promise<EngineApi> {
  await node.succeed("supervisor", "start");
  const settings = resolveSettings({}, { ...process.env, ...node.environment });
  return new EngineApi({ ...settings, socketPath: apiSocketPath(settings) });
}

describe("a network of fourteen addresses", () => {
  it("says that it is full, and serves again when one is given back", async () => {
    const name = `tiny${node.namespace.slice(-6)}`;
    await makeNetwork(name, "10.213.7.0/28", "10.213.7.1");
    const run = (container: string) => ["run", "-d", "--name", container, "--network", name, image, "sleep", "1000"];
    // One is the bridge's own.
    const filling = await atOnce(13, (index) => run(`web${index}`));
    expect(filling.map(({ stderr }) => stderr)).toEqual(filling.map(() => ""));
    const before = (await node.client.snapshots.list()).length;

    const refused = await node.cli(...run("late").map((word) => (word === "-d" ? "--rm" : word)));

    expect(refused).toMatchObject({ exitCode: 125, stdout: "" });
    expect(refused.stderr).toBe(
      `wharf: failed to set up container networking: no available IPv4 addresses in 10.213.7.0/28 of network ${name}\n` +
        "a container that is stopped or removed gives its address back\n",
    );
    expect(await node.succeed("ps", "-aq", "--filter", "name=late")).toBe("");
    expect((await node.client.snapshots.list()).length).toBe(before);
    await node.succeed("rm", "-f", "web5");
    // Its address is given back behind the command.
    const id = await node.succeed("create", ...run("next").slice(2));
    await waitUntil("an address is free", async () => (await node.succeed("start", "next")) === "next", PATIENCE_MS);
    // Files and namespaces of the tests beside this one come and go while it looks.
    await waitUntil("it is on the network", async () => (await networkTraces(node.host.runRoot, id)).length > 0);
  }, 240_000);
});

/** A bridge network of wharf's own, beside the default one. */
async function makeNetwork(name: string, subnet: string, gateway: string): Promise<void> {
  const { dataRoot } = resolveSettings({}, { ...process.env, ...node.environment });
  const ipam = { type: "host-local", ranges: [[{ subnet, gateway }]] };
  const plugins = [{ type: "bridge", bridge: name, isGateway: true, ipMasq: true, hairpinMode: true, ipam }];
  await mkdir(join(dataRoot, "networks"), { recursive: true });
  await writeFile(
    join(dataRoot, "networks", `${name}.conflist`),
    JSON.stringify({ cniVersion: "1.0.0", name, plugins }),
  );
}
