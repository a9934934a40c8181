import { beforeAll, describe, expect, it } from "vitest";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import { nodeOfFile } from "../support/file-node.ts";
import { waitUntil } from "../support/wait-until.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;

const node = nodeOfFile();

beforeAll(async () => {
  await node.succeed("run", "--name", "ten", "--network", "none", "busybox", "seq", "1", "10");
});

async function startWriter(name: string, script: string, ...flags: string[]): Promise<void> {
  await node.succeed("run", "-d", "--name", name, "--network", "none", ...flags, "busybox", "sh", "-c", script);
}

function numbers(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join("");
}

describe("logs", () => {
  it("shows all that was written, each stream on its own", async () => {
    await node.cli(
      "run",
      "--name",
      "both",
      "--network",
      "none",
      "busybox",
      "sh",
      "-c",
      "echo out; echo err >&2; printf end",
    );

    expect(await node.cli("logs", "both")).toEqual({ exitCode: 0, stdout: "out\nend", stderr: "err\n" });
  });

  it.each([
    ["-n", "3", numbers(8, 10)],
    ["--tail", "0", ""],
    ["--tail", "100", numbers(1, 10)],
    ["--tail", "all", numbers(1, 10)],
    ["--tail", "-1", numbers(1, 10)],
  ])("shows the tail of %s %s", async (flag, count, expected) => {
    expect(await node.succeed("logs", `${flag}=${count}`, "ten")).toBe(expected.trimEnd());
  });

  it("puts the times before, which --since and --until take", async () => {
    await startWriter("slow", "for i in 1 2 3 4; do echo $i; read x; done", "-i");
    const attached = node.start({}, "attach", "slow");
    for (const said of ["1", "1\n2", "1\n2\n3", "1\n2\n3\n4"]) {
      // Each line is there before the next one comes, and so has a time of its own.
      await waitUntil("the line is logged", async () => (await node.succeed("logs", "slow")) === said);
      attached.write("\n");
    }
    expect((await attached.result).exitCode).toBe(0);

    const lines = (await node.succeed("logs", "-t", "slow")).split("\n").map((line) => line.split(" "));
    const [times, texts] = [lines.map(([time]) => time ?? ""), lines.map(([, text]) => text)];

    expect(texts).toEqual(["1", "2", "3", "4"]);
    for (const time of times) expect(time).toMatch(TIME);
    const [, second = "", third = ""] = times;
    expect(await node.succeed("logs", "--since", second, "slow")).toBe("2\n3\n4");
    expect(await node.succeed("logs", "--until", third, "slow")).toBe("1\n2\n3");
    expect(await node.succeed("logs", "--since", second, "--until", third, "slow")).toBe("2\n3");
    expect(await node.succeed("logs", "--since", "1h", "slow")).toBe("1\n2\n3\n4");
    expect(await node.succeed("logs", "--until", "1h", "slow")).toBe("");
    expect(await node.succeed("logs", "--since", String(Math.floor(Date.parse(second) / 1000) - 5), "slow")).toBe(
      "1\n2\n3\n4",
    );
  });

  it("follows until the container ends", async () => {
    await startWriter("followed", "echo a; read x; echo b; printf c", "-i");
    const following = node.start({}, "logs", "-f", "followed");
    await following.waitForStdout("a\n");
    const attached = node.start({}, "attach", "followed");
    attached.write("go\n");

    expect(await following.result).toEqual({ exitCode: 0, stdout: "a\nb\nc", stderr: "" });
    await attached.result;
  });

  it("follows from a tail on, and stops with control-C", async () => {
    await startWriter("ticking", "i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done");
    await waitUntil("some was written", async () => (await node.succeed("logs", "ticking")).includes("10"));
    const following = node.start({}, "logs", "-f", "-n", "2", "ticking");
    await waitUntil("more than the tail was shown", () => following.stdout.split("\n").length > 6);
    following.kill("SIGINT");

    const { exitCode, stdout } = await following.result;
    expect(exitCode).toBe(130);
    const shown = stdout.trimEnd().split("\n").map(Number);
    expect(shown[0]).toBeGreaterThan(5);
    expect(shown).toEqual(shown.map((_, index) => (shown[0] ?? 0) + index));
    await node.succeed("rm", "-f", "ticking");
  });

  it("answers at once for a container that has ended, -f or not", async () => {
    expect(await node.cli("logs", "-f", "ten")).toEqual({ exitCode: 0, stdout: numbers(1, 10), stderr: "" });
  });

  it("reads rotated files too, and no more than were kept", async () => {
    const options = ["--log-opt", "max-size=20k", "--log-opt", "max-file=3"];
    await startWriter("rotated", "seq 1 2000", ...options);
    await node.succeed("wait", "rotated");

    const shown = (await node.succeed("logs", "rotated")).split("\n").map(Number);

    expect(shown.at(-1)).toBe(2000);
    expect(shown.length).toBeGreaterThan(400);
    expect(shown.length).toBeLessThan(1000);
    expect(shown).toEqual(shown.map((_, index) => 2001 - shown.length + index));
    const [{ LogPath: path = "" } = {}] = JSON.parse(await node.succeed("inspect", "rotated")) as ContainerInspect[];
    expect(path).toMatch(/-json\.log$/);
  });

  it("goes on in the same log when the container is started again", async () => {
    await startWriter("again", "echo run");
    await node.succeed("wait", "again");
    await node.succeed("start", "-a", "again");

    expect(await node.succeed("logs", "again")).toBe("run\nrun");
  });

  it("works without a supervisor", async () => {
    const { stdout } = await node.cliWith({ env: { WHARF_RUN_ROOT: "/nowhere" } }, "logs", "-n", "1", "ten");

    expect(stdout).toBe("10\n");
  });

  it("is refused for --log-driver none", async () => {
    await node.succeed("run", "--name", "silent", "--log-driver", "none", "--network", "none", "busybox", "echo", "x");

    for (const flags of [[], ["-f"]]) {
      const result = await node.cli("logs", ...flags, "silent");
      expect(result).toMatchObject({ exitCode: 1, stdout: "" });
      expect(result.stderr).toBe("wharf: configured logging driver does not support reading\n");
    }
  });

  it("names a container that there is not", async () => {
    expect(await node.cli("logs", "ghost")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "wharf: No such container: ghost\n",
    });
  });

  it("refuses a time that is none", async () => {
    const result = await node.cli("logs", "--since", "yesterday", "ten");

    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(
      'invalid value for "since": failed to parse value as time or duration: "yesterday"',
    );
  });
});
