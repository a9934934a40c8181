import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HEALTH_EXTENSION, type HealthRecord } from "../../src/model/health.ts";
import { ClockedHost } from "../support/clocked-host.ts";
import { busyboxImage, ociArchive, randomLayer } from "../support/images.ts";
import { waitUntil } from "../support/wait-until.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let host: ClockedHost;

beforeAll(async () => {
  host = await ClockedHost.start();
});

beforeEach(async () => {
  host.setClock("+0");
  await host.startClockedSupervisor();
});

afterEach(async () => {
  await host.clear();
});

afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

async function start(name: string, flags: readonly string[], script: string): Promise<string> {
  return await host.node.succeed(
    ...["run", "-d", "--name", name, "--network", "none", ...flags],
    ...["busybox", "sh", "-c", script],
  );
}

/** By how much `time` is ahead of the machine's clock. */
function aheadMs(time: string): number {
  return Date.parse(time) - Date.now();
}

describe("when the clock is set while containers run", () => {
  it("output bears the new time, and `logs --since` finds it", async () => {
    const { node } = host;
    await start("web", [], "while :; do echo said; sleep 0.1; done");
    const lastTime = async () => (await node.succeed("logs", "-t", "--tail", "1", "web")).split(" ")[0] ?? "";
    await waitUntil("it has said something", lastTime);

    host.setClock("+1d");
    await waitUntil("the log has gone to tomorrow", async () => aheadMs(await lastTime()) > DAY_MS / 2);
    const recent = await node.cliWith({ env: host.clock }, "logs", "-t", "--since", "10m", "web");
    host.setClock("-1h");
    await waitUntil("the log has gone back", async () => aheadMs(await lastTime()) < -HOUR_MS / 2);
    const all = await node.cliWith({ env: host.clock }, "logs", "-t", "--since", "2h", "web");

    const timesOf = (log: string) =>
      log
        .trimEnd()
        .split("\n")
        .map((line) => aheadMs(line.split(" ")[0] ?? ""));
    expect(Math.min(...timesOf(recent.stdout))).toBeGreaterThan(DAY_MS / 2);
    expect(Math.min(...timesOf(all.stdout))).toBeLessThan(-HOUR_MS / 2);
    expect(Math.max(...timesOf(all.stdout))).toBeGreaterThan(DAY_MS / 2);
  });

  it("ages are of the clock that shows them, and none is of the future", async () => {
    await start("web", [], "exec sleep 1000");
    const statusAt = async (difference: string) => {
      host.setClock(difference);
      const shown = await host.node.cliWith({ env: host.clock }, "ps", "--format", "{{.Status}}, {{.RunningFor}}");
      return shown.stdout.trimEnd();
    };

    expect(await statusAt("+1d")).toBe("Up 24 hours, 24 hours ago");
    expect(await statusAt("-1h")).toBe("Up Less than a second, Less than a second ago");
  });

  it("a run that ends before it began has ended once, with its own exit code", async () => {
    const id = await start("web", [], "until test -e /go; do sleep 0.1; done; exit 7");
    host.setClock("-1h");
    await host.node.succeed("exec", "web", "touch", "/go");
    const ended = await host.untilState("web", { Status: "exited", ExitCode: 7 });
    expect(aheadMs(ended.State.StartedAt)).toBeGreaterThan(-HOUR_MS / 2);

    await host.startClockedSupervisor();

    expect((await host.inspect("web")).State).toEqual(ended.State);
    expect(await host.readState(id)).toMatchObject({ exitCode: 7, unsettled: false });
  });

  it("an end that nobody saw of a run that began before the last one ended is settled all the same", async () => {
    await start("web", [], "test -e /ran && exec sleep 1000; touch /ran");
    await host.untilState("web", { Status: "exited", ExitCode: 0 });
    host.setClock("-1h");
    await host.node.succeed("start", "web");
    const { Id: id } = await host.inspect("web");

    await host.pretendReboot([id]);
    await host.startClockedSupervisor();

    await host.untilState("web", { Status: "exited", ExitCode: 255 });
  });

  it.each(["+1d", "-1h"])(
    "by %s, pauses between restarts go on growing, also under the next supervisor",
    async (jump) => {
      const id = await start("web", ["--restart", "always"], "sleep 0.3; exit 1");
      await waitUntil("it was restarted twice", async () => (await host.readState(id)).restartCount >= 2);
      host.setClock(jump);
      const { restartCount } = await host.readState(id);
      await waitUntil("it was restarted again", async () => (await host.readState(id)).restartCount > restartCount);
      await host.startClockedSupervisor();
      await waitUntil("and again", async () => (await host.readState(id)).restartCount > restartCount + 1);

      const { restarts = [], ...state } = await waitUntil("it waits", async () => {
        const read = await host.readState(id);
        return read.unsettled === false && read;
      });
      expect(state.restartDelayMs).toBe(100 * 2 ** (restarts.length - 1));
      expect(restarts.map(({ exitCode }) => exitCode)).toEqual(restarts.map(() => 1));
      expect(Math.abs(aheadMs(state.startedAt))).toBeGreaterThan(HOUR_MS / 2);
    },
  );

  it("back, a restart that is owed does not wait until it is as late again", async () => {
    const id = await start("web", ["--restart", "always"], "sleep 0.3; exit 1");
    await waitUntil("it was restarted", async () => (await host.readState(id)).restartCount > 0);
    await waitUntil("it waits", async () => (await host.readState(id)).unsettled === false);
    await host.killSupervisor();
    const { restartCount } = await host.readState(id);
    host.setClock("-1h");

    await host.startClockedSupervisor();

    await waitUntil("it was restarted again", async () => (await host.readState(id)).restartCount > restartCount);
  });
});

it("a load that is under way when the clock goes two days forward keeps what it has", async () => {
  const { node } = host;
  const image = await busyboxImage({ layers: [randomLayer(10_000, "first"), randomLayer(2_000_000)] });
  const archive = await ociArchive(image, ["docker.io/library/slow:1"]);
  // For containerd the clock has gone forward since this command looked at it.
  host.setClock("-2d");
  const before = (await node.client.content.list()).length;
  const load = node.start({ env: host.clock }, "load", "-q");
  const half = archive.length - 1_000_000;
  load.write(archive.subarray(0, half));
  await waitUntil("it has stored something", async () => (await node.client.content.list()).length > before);

  const { id } = await node.client.leases.create();
  await node.client.leases.delete(id, { sync: true });
  load.write(archive.subarray(half));
  load.endStdin();

  expect(await load.result).toEqual({ exitCode: 0, stdout: "Loaded image: slow:1\n", stderr: "" });
  expect(await node.succeed("run", "--rm", "--network", "none", "slow:1", "ls", "/data")).toBe("/data");
});

describe("the health of a container", () => {
  const CHECK = ["--health-cmd", "exit 1", "--health-interval", "100ms", "--health-retries", "1"];

  async function probesAhead(id: string, isFar: (ms: number) => boolean): Promise<HealthRecord> {
    return await waitUntil("it was probed since", async () => {
      const health = (await host.node.client.containers.get(id)).extension(HEALTH_EXTENSION) as HealthRecord;
      return health.log.every(({ Start }) => isFar(aheadMs(Start))) && health;
    });
  }

  it("stays in its start period when the clock is set forward, also under the next supervisor", async () => {
    const flags = ["--health-start-period", "1h", "--health-start-interval", "100ms"];
    const id = await start("web", [...CHECK, ...flags], "exec sleep 1000");
    await waitUntil("it is probed", async () => (await host.inspect("web")).State.Health?.Log.length);
    host.setClock("+1d");
    expect((await probesAhead(id, (ms) => ms > DAY_MS / 2)).status).toBe("starting");

    host.setClock("+2d");
    await host.startClockedSupervisor();

    expect((await probesAhead(id, (ms) => ms > 1.5 * DAY_MS)).status).toBe("starting");
  });

  it("comes to the end of its start period when the clock is set back", async () => {
    const flags = ["--health-start-period", "3s", "--health-start-interval", "100ms"];
    const id = await start("web", [...CHECK, ...flags], "exec sleep 1000");
    host.setClock("-1h");

    await waitUntil("it is unhealthy", async () => (await host.inspect("web")).State.Health?.Status === "unhealthy");
    await probesAhead(id, (ms) => ms < -HOUR_MS / 2);
  });
});
