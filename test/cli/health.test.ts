import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import type { ContainerInspect, HealthView } from "../../src/model/container-view.ts";
import type { EngineEvent } from "../../src/model/engine-event.ts";
import { nodeOfFile } from "../support/file-node.ts";
import { busyboxImage } from "../support/images.ts";
import { waitUntil } from "../support/wait-until.ts";

const PATIENCE_MS = 60_000;

const node = nodeOfFile({ cleared: true });

/** Starts a container that sleeps, with flags about its health. */
async function start(name: string, ...flags: string[]): Promise<string> {
  return await node.succeed("run", "-d", "--network", "none", "--name", name, ...flags, "busybox", "sleep", "10000");
}

async function inspect(name: string): Promise<ContainerInspect> {
  const [container] = JSON.parse(await node.succeed("container", "inspect", name)) as ContainerInspect[];
  return container as ContainerInspect;
}

async function healthOf(name: string): Promise<HealthView | undefined> {
  return (await inspect(name)).State.Health;
}

async function untilHealth(
  name: string,
  what: string,
  test: (health: HealthView) => boolean | undefined,
): Promise<HealthView> {
  return await waitUntil(
    `the health of ${name}: ${what}`,
    async () => {
      const health = await healthOf(name);
      return health && test(health) ? health : undefined;
    },
    PATIENCE_MS,
  );
}

async function untilStatus(name: string, status: HealthView["Status"]): Promise<HealthView> {
  return await untilHealth(name, status, ({ Status }) => Status === status);
}

async function psStatus(name: string): Promise<string> {
  return await node.succeed("ps", "-a", "--filter", `name=^${name}$`, "--format", "{{.Status}}");
}

/** What the supervisor has told of the container so far. */
async function actionsOf(name: string): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ container: [name] }));
  const path = `/events?since=0&until=${Date.now() / 1000}&filters=${filters}`;
  const headers = { "wharf-namespace": node.namespace };
  const socketPath = (await node.succeed("supervisor", "start")).replace("unix://", "");
  const request = httpRequest({ socketPath, path, headers });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const events = (await text(response)).split("\n").filter((line) => line !== "");
  return events.map((line) => (JSON.parse(line) as EngineEvent).Action);
}

describe("a container with a health check", () => {
  it("is starting until its first probe", async () => {
    await start("young", "--health-cmd", "true");

    expect(await healthOf("young")).toEqual({ Status: "starting", FailingStreak: 0, Log: [] });
    expect(await psStatus("young")).toMatch(/^Up .+ \(health: starting\)$/);
    expect((await inspect("young")).Config.Healthcheck).toEqual({ Test: ["CMD-SHELL", "true"] });
  });

  it("becomes unhealthy by failures in a row, and healthy by one success", async () => {
    const probe = "[ -e /ok ] && echo fine || { echo ill; exit 3; }";
    await start("patient", "--health-cmd", probe, "--health-interval", "100ms", "--health-retries", "2");

    const ill = await untilStatus("patient", "unhealthy");
    expect(ill.FailingStreak).toBeGreaterThanOrEqual(2);
    expect(ill.Log.at(-1)).toMatchObject({ ExitCode: 3, Output: "ill\n" });
    expect(await psStatus("patient")).toMatch(/^Up .+ \(unhealthy\)$/);

    await node.succeed("exec", "patient", "touch", "/ok");
    const well = await untilStatus("patient", "healthy");
    expect(well.FailingStreak).toBe(0);
    expect(well.Log.at(-1)).toMatchObject({ ExitCode: 0, Output: "fine\n" });
    expect(await psStatus("patient")).toMatch(/^Up .+ \(healthy\)$/);
  });

  it("tells of its probes and of each change, as docker does", async () => {
    await start("told", "--health-cmd", "true", "--health-interval", "50ms");
    await untilStatus("told", "healthy");

    const actions = await waitUntil("it is told", async () => {
      const told = await actionsOf("told");
      return told.includes("health_status: healthy") && told;
    });
    const first = actions.slice(actions.indexOf("start") + 1, actions.indexOf("health_status: healthy"));
    expect(first).toEqual(["exec_create: /bin/sh -c true", "exec_start: /bin/sh -c true", "exec_die"]);
    expect(actions.filter((action) => action.startsWith("health_status"))).toEqual(["health_status: healthy"]);
  });

  it("keeps the last five results, each with the beginning of its output", async () => {
    await start(
      "wordy",
      "--health-cmd",
      "yes | head -c 10000; date +%s%N >> /runs; exit 2",
      "--health-interval",
      "50ms",
    );
    await waitUntil(
      "it was probed seven times",
      async () => {
        return Number(await node.succeed("exec", "wordy", "sh", "-c", "cat /runs 2>/dev/null | wc -l")) >= 7;
      },
      PATIENCE_MS,
    );

    const { Log: log } = await untilHealth("wordy", "five results", ({ Log }) => Log.length === 5);
    for (const { ExitCode, Output, Start, End } of log) {
      expect({ ExitCode, Output }).toEqual({ ExitCode: 2, Output: `${"y\n".repeat(2048)}...` });
      expect(Date.parse(End)).toBeGreaterThanOrEqual(Date.parse(Start));
    }
    expect((await healthOf("wordy"))?.Log).toHaveLength(5);
  });

  it("does not count failures while its start period lasts, nor wait for the interval", async () => {
    const period = ["--health-start-period", "1h", "--health-start-interval", "50ms", "--health-interval", "1h"];
    await start("slow", "--health-cmd", "test -e /ok", "--health-retries", "1", ...period);

    const health = await untilHealth("slow", "five results", ({ Log }) => Log.length === 5);
    expect(health).toMatchObject({ Status: "starting", FailingStreak: 0 });
    await node.succeed("exec", "slow", "touch", "/ok");
    await untilStatus("slow", "healthy");
  });

  it("has a probe that takes too long killed, with all that it started", async () => {
    const first = "[ -e /once ] && exit 0; touch /once; sleep 1000 & setsid sleep 1000 & echo waits; sleep 1000";
    // Within the start period the probes follow at once; after the first success there is none for an hour.
    const period = ["--health-start-period", "1h", "--health-start-interval", "50ms", "--health-interval", "1h"];
    const id = await start("stuck", "--health-cmd", first, "--health-timeout", "300ms", ...period);

    const { Log: log } = await untilStatus("stuck", "healthy");
    expect(log.map(({ ExitCode }) => ExitCode)).toEqual([-1, 0]);
    expect(log[0]?.Output).toBe("Health check exceeded timeout (300ms): waits\n");
    await waitUntil("only the container's own process is left", async () => {
      return (await node.client.tasks.pids(id)).length === 1;
    });
  });

  it("tells what its probes could not run", async () => {
    const image = await busyboxImage({ config: { Healthcheck: { Test: ["CMD", "/no/such/probe"], Interval: 1e8 } } });
    await node.load("broken", image);
    await node.succeed("run", "-d", "--network", "none", "--name", "broken", "broken", "sleep", "1000");

    const { Log: log } = await untilStatus("broken", "unhealthy");
    expect(log.at(-1)).toMatchObject({ ExitCode: -1 });
    expect(log.at(-1)?.Output).toContain("/no/such/probe");
  });

  it("is not probed, and so not healthy, while it is paused", async () => {
    await start("frozen", "--health-cmd", "true", "--health-interval", "50ms");
    await untilStatus("frozen", "healthy");

    await node.succeed("pause", "frozen");
    const paused = await untilStatus("frozen", "unhealthy");
    expect(await psStatus("frozen")).toMatch(/^Up .+ \(Paused\)$/);
    await node.succeed("unpause", "frozen");

    const after = await untilStatus("frozen", "healthy");
    expect(after.Log.at(-1)?.Start).not.toBe(paused.Log.at(-1)?.Start);
  });

  it("can be paused, stopped and removed while a probe runs", async () => {
    for (const [name, end] of [
      ["paused", "pause"],
      ["removed", "rm"],
    ] as const) {
      await start(name, "--health-cmd", "sleep 5000", "--health-interval", "50ms", "--health-timeout", "1h");
      await waitUntil(
        "a probe runs",
        async () => (await node.succeed("top", name)).includes("sleep 5000"),
        PATIENCE_MS,
      );
      await node.succeed(...(end === "rm" ? ["rm", "-f"] : [end]), name);
    }

    expect(await node.succeed("top", "paused")).not.toContain("sleep 5000");
    await node.succeed("unpause", "paused");
    await waitUntil(
      "it is probed again",
      async () => (await node.succeed("top", "paused")).includes("sleep 5000"),
      PATIENCE_MS,
    );
    await node.succeed("stop", "-t", "0", "paused");
    expect((await inspect("paused")).State.Status).toBe("exited");
  });

  it("is unhealthy when it has ended, and starts anew with the next run", async () => {
    await start("again", "--health-cmd", "[ -e /ill ] && exit 1; echo fine", "--health-interval", "50ms");
    await untilStatus("again", "healthy");
    await node.succeed("stop", "-t", "0", "again");

    const ended = await healthOf("again");
    expect(ended).toMatchObject({ Status: "unhealthy", FailingStreak: 0 });
    expect(await psStatus("again")).toMatch(/^Exited \(\d+\) .+ ago$/);
    const before = ended?.Log.at(-1)?.Start;
    await node.succeed("start", "again");
    await untilHealth("again", "probed in its second run", ({ Status, Log }) => {
      return Status === "healthy" && Log.at(-1)?.Start !== before;
    });
  });

  it("is found by ps --filter health", async () => {
    await start("well", "--health-cmd", "true", "--health-interval", "50ms");
    await start("ill", "--health-cmd", "false", "--health-interval", "50ms", "--health-retries", "1");
    await start("fresh", "--health-cmd", "true");
    await start("plain");
    await Promise.all([untilStatus("well", "healthy"), untilStatus("ill", "unhealthy")]);
    const found = (health: string) => node.succeed("ps", "--filter", `health=${health}`, "--format", "{{.Names}}");

    expect(await found("healthy")).toBe("well");
    expect(await found("unhealthy")).toBe("ill");
    expect(await found("starting")).toBe("fresh");
    expect(await found("none")).toBe("plain");
  });
});

describe("where a health check comes from", () => {
  const imageCheck = { Test: ["CMD", "true"], Interval: 50e6, Retries: 7, StartPeriod: 2e9 };

  beforeAll(async () => {
    await node.load("checked", await busyboxImage({ config: { Healthcheck: imageCheck } }));
    await node.load("unchecked", await busyboxImage({ config: { Healthcheck: { Test: ["NONE"] } } }));
  });

  async function created(image: string, ...flags: string[]): Promise<ContainerInspect> {
    const id = await node.succeed("create", "--network", "none", ...flags, image, "sleep", "10000");
    return await inspect(id);
  }

  it("the image's is inherited, and runs", async () => {
    await node.succeed("run", "-d", "--network", "none", "--name", "heir", "checked", "sleep", "10000");

    expect((await inspect("heir")).Config.Healthcheck).toEqual(imageCheck);
    await untilStatus("heir", "healthy");
  });

  it.each([
    [["--health-cmd", "false"], { ...imageCheck, Test: ["CMD-SHELL", "false"] }],
    [["--health-retries", "1", "--health-timeout", "2s"], { ...imageCheck, Retries: 1, Timeout: 2e9 }],
  ])("the container's is laid over it, field by field: %j", async (flags, expected) => {
    expect((await created("checked", ...flags)).Config.Healthcheck).toEqual(expected);
  });

  it.each([
    ["--no-healthcheck", "checked", ["--no-healthcheck"]],
    ["an image's NONE", "unchecked", []],
    ["an interval without a command", "busybox", ["--health-interval", "1s"]],
  ])("%s means none", async (_what, image, flags) => {
    await node.succeed("run", "-d", "--network", "none", "--name", "none", ...flags, image, "sleep", "10000");

    expect((await inspect("none")).State).not.toHaveProperty("Health");
    expect(await psStatus("none")).toMatch(/^Up [^(]+$/);
    expect(await node.succeed("inspect", "-f", "{{.State.Health}}", "none")).toBe("<nil>");
  });

  it("a container that never ran has no health", async () => {
    expect((await created("checked")).State).not.toHaveProperty("Health");
  });

  it.each([
    [["--no-healthcheck", "--health-cmd", "true"], "--no-healthcheck conflicts with --health-* options"],
    [["--health-cmd", "true", "--health-interval", "100us"], "Interval in Healthcheck cannot be less than 1ms"],
    [["--health-cmd", "true", "--health-retries", "-1"], "--health-retries cannot be negative"],
  ])("%j is refused", async (flags, message) => {
    const result = await node.cli("run", "-d", "--network", "none", ...flags, "busybox", "true");

    expect(result.exitCode).toBe(125);
    expect(result.stderr).toContain(message);
  });
});
