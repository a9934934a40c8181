import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { containerDataDir } from "../../src/store/layout.ts";
import { ExaminedHost } from "../support/examined-host.ts";
import { waitUntil } from "../support/wait-until.ts";

const LINES = 300_000;
/** Numbers to both outputs at once, as fast as they are taken. */
const COUNT = `seq 1 ${LINES} & seq 1 ${LINES} >&2; wait`;

let host: ExaminedHost;

beforeAll(async () => {
  host = await ExaminedHost.start();
});

afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

function counted(lines: number): string {
  let text = "";
  for (let number = 1; number <= lines; number++) text += `${number}\n`;
  return text;
}

/** Where two texts part, for a message that can be read. */
function difference(actual: string, expected: string): string {
  if (actual === expected) return "none";
  let at = 0;
  while (at < actual.length && actual[at] === expected[at]) at += 1;
  const around = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 20), at + 20));
  return `at byte ${at}: ${around(actual)} instead of ${around(expected)}`;
}

/** The bytes of a container's log, its rotated files included. */
function logBytes(id: string): number {
  const directory = containerDataDir(host.settings, host.node.namespace, id);
  const names = readdirSync(directory).filter((name) => name.includes("-json.log"));
  return names.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

/** Kills the supervisor whenever the log has grown by a part of what it will hold; returns how often. */
async function killUntilExited(id: string, logSize: number): Promise<number> {
  let kills = 0;
  for (let goal = logSize / 8; goal < logSize; goal += logSize / 8) {
    await host.node.succeed("supervisor", "start");
    await waitUntil("the log grows", () => logBytes(id) >= goal, 60_000);
    await host.killSupervisor();
    kills += 1;
  }
  return kills;
}

describe("when the supervisor is killed over and over", () => {
  it.each([
    ["one file", [] as string[]],
    ["rotated files", ["--log-opt", "max-size=4m", "--log-opt", "max-file=100"]],
  ])("the log holds every line once, in %s", async (_what, options) => {
    const id = await host.node.succeed("run", "-d", "--network", "none", ...options, "busybox", "sh", "-c", COUNT);

    // An entry has some sixty bytes beside the line.
    const kills = await killUntilExited(id, 2 * LINES * 70);

    await host.node.succeed("wait", id);
    const { stdout, stderr } = await host.node.cli("logs", id);
    expect(difference(stdout, counted(LINES))).toBe("none");
    expect(difference(stderr, counted(LINES))).toBe("none");
    expect(kills).toBeGreaterThan(5);
    await host.node.succeed("rm", id);
  });

  it.each([
    ["run", [] as string[]],
    ["run -t", ["-t"]],
  ])(
    "%s in the foreground goes on at the very next byte",
    async (_what, options) => {
      const name = `front-${options.length}`;
      const script = `${options.length > 0 ? `seq 1 ${LINES}` : COUNT}; exit 7`;
      const args = ["--name", name, "--network", "none", ...options, "busybox", "sh", "-c", script];
      const run = host.node.start({ timeoutMs: 170_000 }, "run", ...args);
      const bytes = () => run.stdoutBytes.length;
      const whole = counted(LINES);
      await run.waitForStdout("1");

      let kills = 0;
      for (let goal = whole.length / 5; goal < whole.length; goal += whole.length / 5) {
        await waitUntil("it goes on", () => bytes() >= goal, 60_000);
        await host.killSupervisor();
        kills += 1;
      }
      const { exitCode, stdout, stderr } = await run.result;

      // A terminal puts a carriage return before each line feed.
      expect(difference(stdout.replaceAll("\r", ""), whole)).toBe("none");
      if (options.length === 0) expect(difference(stderr, whole)).toBe("none");
      expect({ exitCode, kills }).toEqual({ exitCode: 7, kills: 4 });
      await host.node.succeed("rm", name);
    },
    180_000,
  );

  it.each(["start.fifos-made", "start.intended", "start.task-created"])(
    "a start that is cut short at %s is done again, and seen from its first byte",
    async (faultPoint) => {
      const name = `cut-${faultPoint.slice("start.".length)}`;
      const command = ["busybox", "sh", "-c", "echo said; exit 6"];
      await host.node.succeed("create", "--name", name, "--network", "none", ...command);
      await host.armSupervisor(faultPoint);

      const started = await host.node.cliWith({ timeoutMs: 110_000 }, "start", "-a", name);

      expect(started).toEqual({ exitCode: 6, stdout: "said\n", stderr: "" });
      await host.node.succeed("rm", name);
    },
    120_000,
  );

  it("short runs say what they have to say, and end with their exit codes", async () => {
    const count = 24;
    let running = count;
    const runs = Array.from({ length: count }, async (_, index) => {
      const name = `brief-${index}`;
      await host.node.succeed(
        "create",
        "--name",
        name,
        "--network",
        "none",
        "busybox",
        "sh",
        "-c",
        `echo ${name}; exit ${index}`,
      );
      const result = await host.node.cliWith({ timeoutMs: 170_000 }, "start", "-a", name);
      running -= 1;
      return result;
    });
    const killer = (async () => {
      for (let kills = 0; running > 0 && kills < 8; kills++) {
        const before = running;
        await waitUntil("another has ended", () => running < before || running === 0, 100_000);
        await host.killSupervisor();
      }
    })();

    expect(await Promise.all(runs)).toEqual(
      runs.map((_, index) => ({ exitCode: index, stdout: `brief-${index}\n`, stderr: "" })),
    );
    await killer;
    for (let index = 0; index < count; index++) {
      expect((await host.node.cli("logs", `brief-${index}`)).stdout).toBe(`brief-${index}\n`);
    }
  }, 180_000);
});
