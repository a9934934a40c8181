import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { HealthView } from "../../src/model/container-view.ts";
import { findShim } from "../../src/store/shim-process.ts";
import { SupervisedHost } from "../support/supervised-host.ts";
import { waitUntil } from "../support/wait-until.ts";

/** As many moments at which the supervisor is killed: each hits another part of what a probe takes. More find more. */
const KILLS = Number(process.env.WHARF_CHAOS_KILLS ?? 4);

let host: SupervisedHost;

beforeAll(async () => {
  host = await SupervisedHost.start();
});

afterEach(() => host.clear());

afterAll(() => host[Symbol.asyncDispose]());

async function start(name: string, ...flags: string[]): Promise<string> {
  return await host.node.succeed(
    "run",
    "-d",
    "--network",
    "none",
    "--name",
    name,
    ...flags,
    "busybox",
    "sleep",
    "1000",
  );
}

async function healthOf(name: string): Promise<HealthView> {
  const { Health: health } = (await host.inspect(name)).State;
  if (health === undefined) throw new Error(`${name} has no health`);
  return health;
}

async function untilProbed(name: string, after: string): Promise<HealthView> {
  return await waitUntil(`${name} is probed after ${after}`, async () => {
    const health = await healthOf(name);
    const latest = health.Log.at(-1);
    return latest !== undefined && latest.Start > after && health;
  });
}

/** The FIFOs of execs, as paths below the run root. */
async function execFifos(): Promise<string[]> {
  const paths = await readdir(join(host.node.host.runRoot), { recursive: true });
  return paths.filter((path) => /\/exec\/[^/]+\//.test(path));
}

describe("health, when the supervisor is killed", () => {
  it("is what it was, and is gone on with by the next one", async () => {
    await start("ill", "--health-cmd", "false", "--health-interval", "100ms", "--health-retries", "1");
    await waitUntil("it is unhealthy", async () => (await healthOf("ill")).Status === "unhealthy");
    await host.killSupervisor();
    const before = await healthOf("ill");
    expect(before).toMatchObject({ Status: "unhealthy" });

    await host.node.succeed("supervisor", "start");

    const after = await untilProbed("ill", before.Log.at(-1)?.Start ?? "");
    expect(after.Status).toBe("unhealthy");
    expect(after.FailingStreak).toBeGreaterThan(before.FailingStreak);
  });

  it("keeps no shim from answering, nor a container from being removed", async () => {
    const id = await start("probed", "--health-cmd", "echo fine", "--health-interval", "10ms");
    for (let kill = 0; kill < KILLS; kill++) {
      const now = new Date().toISOString();
      await host.node.succeed("supervisor", "start");
      expect((await untilProbed("probed", now)).Status).toBe("healthy");
      await host.killSupervisor();
    }
    await host.node.succeed("supervisor", "start");

    expect((await host.node.client.tasks.get(id)).status).toBe("running");
    expect(await host.node.succeed("exec", "probed", "echo", "works")).toBe("works");
    await host.node.succeed("pause", "probed");
    await waitUntil("nothing is left of the probes", async () => (await execFifos()).length === 0);
    expect(await host.node.client.tasks.pids(id)).toHaveLength(1);
    expect(await host.node.succeed("rm", "-f", "probed")).toBe("probed");
  });

  it("holds for execs of people too", async () => {
    const id = await start("host");
    for (let kill = 0; kill < 3; kill++) {
      const execs = Array.from({ length: 4 }, () => host.node.cli("exec", "host", "true"));
      await Promise.race(execs);
      await host.killSupervisor();
      await Promise.all(execs);
      await host.node.succeed("supervisor", "start");
    }

    await waitUntil("nothing is left of the execs", async () => (await execFifos()).length === 0);
    expect(await host.node.client.tasks.pids(id)).toHaveLength(1);
    expect(await host.node.succeed("rm", "-f", "host")).toBe("host");
  });
});

describe("a shim that does not answer", () => {
  it("is freed by rm -f, in the end", async () => {
    const id = await start("stuck");
    const { address } = host.node.host;
    const shim = findShim({ address, namespace: host.node.namespace, id });
    process.kill(shim as number, "SIGSTOP");

    expect(await host.node.succeed("rm", "-f", "stuck")).toBe("stuck");

    expect(await host.node.client.tasks.list()).toEqual([]);
    expect(findShim({ address, namespace: host.node.namespace, id })).toBeUndefined();
  });
});
