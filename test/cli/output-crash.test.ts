import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { containerDataDir } from "../../src/store/layout.ts";
import { PrivateHost } from "../support/private-host.ts";
import { waitUntil } from "../support/wait-until.ts";

const LINES = 300_000;
/** Numbers to both outputs at once, as fast as they are taken. */
const COUNT = `seq 1 ${LINES} & seq 1 ${LINES} >&2; wait`;

let host: PrivateHost;

beforeAll(async () => {
  host = await PrivateHost.start();
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
});
