import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { nodeOfFile } from "../support/file-node.ts";
import { waitUntil } from "../support/wait-until.ts";

const TEN_MB = 10_000_000;
/** The suite runs on each containerd: that many in all are more than on one. */
const SHORT_RUNS = 80;
/** Ten million bytes of numbered lines, as the container makes them. */
const WRITE_TEN_MB = `seq 1 2000000 | head -c ${TEN_MB}`;

const node = nodeOfFile();

function tenMegabytes(): string {
  let text = "";
  for (let number = 1; text.length < TEN_MB; number++) text += `${number}\n`;
  return text.slice(0, TEN_MB);
}

function run(...args: string[]): string[] {
  return ["run", "--rm", "--network", "none", ...args];
}

describe("output in the foreground", () => {
  it("arrives whole, 10 MB of it", async () => {
    const { exitCode, stdout } = await node.cli(...run("busybox", "sh", "-c", WRITE_TEN_MB));

    expect(exitCode).toBe(0);
    expect(stdout === tenMegabytes()).toBe(true);
  });

  it("arrives whole on a terminal", async () => {
    const { exitCode, stdout } = await node.cliWith({ tty: true }, ...run("-it", "busybox", "sh", "-c", WRITE_TEN_MB));

    expect(exitCode).toBe(0);
    // Both terminals put a carriage return before each line feed.
    expect(stdout.replaceAll("\r", "") === tenMegabytes()).toBe(true);
  });

  it("arrives whole in the log of a detached container", async () => {
    const id = await node.succeed("run", "-d", "--network", "none", "busybox", "sh", "-c", WRITE_TEN_MB);
    await node.succeed("wait", id);

    const { stdout } = await node.cli("logs", id);

    expect(stdout === tenMegabytes()).toBe(true);
    await node.succeed("rm", id);
  });

  it("keeps stdout and stderr apart", async () => {
    const result = await node.cli(...run("busybox", "sh", "-c", "echo out; echo err >&2"));

    expect(result).toEqual({ exitCode: 0, stdout: "out\n", stderr: "err\n" });
  });

  it("is there every time, however short the run", async () => {
    // Four at a time: what is looked for are races.
    const results: string[] = [];
    const worker = async () => {
      while (results.length < SHORT_RUNS) {
        const place = results.push("") - 1;
        const { stdout, stderr } = await node.cli(...run("busybox", "echo", "x"));
        results[place] = stdout + stderr;
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);

    expect(new Set(results)).toEqual(new Set(["x\n"]));
  }, 300_000);

  it("may be closed by its reader, and the command ends", async () => {
    const { program, args } = { program: "/bin/sh", args: ["-c", `"$@" | head -n 1`, "sh"] };
    const wharf = new URL("../../bin/wharf", import.meta.url).pathname;
    const command = [wharf, "run", "--name", "endless", "--network", "none", "busybox", "yes"];

    const { stdout } = await node.cliWith({ program }, ...args, ...command);

    expect(stdout).toBe("y\n");
    await node.succeed("rm", "-f", "endless");
  });
});

describe("input", () => {
  it("is binary-safe in both directions", async () => {
    const bytes = randomBytes(3_000_000);
    const running = node.start({ stdin: bytes }, ...run("-i", "busybox", "cat"));
    await running.result;

    const digest = (data: Buffer) => createHash("sha256").update(data).digest("hex");
    expect(digest(running.stdoutBytes)).toBe(digest(bytes));
  });

  it("ends for the process when it ends, and the output goes on", async () => {
    const { stdout } = await node.cliWith(
      { stdin: "one\ntwo" },
      ...run("-i", "busybox", "sh", "-c", "cat; echo after the end"),
    );

    expect(stdout).toBe("one\ntwoafter the end\n");
  });

  it("is not taken without -i", async () => {
    const { stdout } = await node.cliWith({ stdin: "not for you\n" }, ...run("busybox", "cat"));

    expect(stdout).toBe("");
  });

  it("may be longer than the process cares to read", async () => {
    const { exitCode, stdout } = await node.cliWith(
      { stdin: Buffer.alloc(1_000_000, "x\n") },
      ...run("-i", "busybox", "head", "-n", "1"),
    );

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "x\n" });
  });
});

describe("a terminal", () => {
  it("is one for the container, as large as ours", async () => {
    const { stdout } = await node.cliWith(
      { tty: { rows: 33, columns: 111 } },
      ...run("-it", "busybox", "sh", "-c", "tty; stty size"),
    );

    expect(stdout).toMatch(/^\/dev\/pts\/\d+\r\n33 111\r\n/);
  });

  it("takes what is typed, and tells a new size", async () => {
    const shell = node.start({ tty: { rows: 20, columns: 80 } }, ...run("-it", "busybox", "sh"));
    await shell.waitForStdout("#");
    shell.write("echo $((6 * 7))\n");
    await shell.waitForStdout(/\n42\r/);
    await shell.resize(40, 120);
    await waitUntil("the container's terminal has the size", () => {
      shell.write("stty size\n");
      return shell.stdout.includes("40 120");
    });
    shell.write("exit 5\n");

    expect((await shell.result).exitCode).toBe(5);
  });

  it("sends control-C to the container's process", async () => {
    const running = node.start(
      { tty: true },
      ...run("-it", "busybox", "sh", "-c", "trap 'exit 9' INT; echo up; while :; do sleep 1; done"),
    );
    await running.waitForStdout("up");
    running.write("\x03");

    expect((await running.result).exitCode).toBe(9);
  });

  it("is refused where there is none", async () => {
    const result = await node.cli(...run("-it", "busybox", "true"));

    expect(result).toEqual({ exitCode: 1, stdout: "", stderr: "wharf: the input device is not a TTY\n" });
  });
});

describe("exit codes and signals", () => {
  it("passes the exit code on", async () => {
    expect((await node.cli(...run("busybox", "sh", "-c", "exit 123"))).exitCode).toBe(123);
  });

  it("is 128 + n for a process that a signal ended", async () => {
    const running = node.start({}, ...run("--name", "victim", "busybox", "sleep", "1000"));
    await waitUntil("it runs", async () => (await node.cli("ps", "-q", "--filter", "name=victim")).stdout !== "");
    await node.succeed("kill", "victim");

    expect((await running.result).exitCode).toBe(137);
  });

  it.each(["SIGTERM", "SIGINT", "SIGUSR1"] as const)("hands %s on", async (signal) => {
    const script = `trap 'echo got it; exit 3' ${signal.slice(3)}; echo up; while :; do sleep 0.1; done`;
    const running = node.start({}, ...run("busybox", "sh", "-c", script));
    await running.waitForStdout("up\n");
    running.kill(signal);

    expect(await running.result).toEqual({ exitCode: 3, stdout: "up\ngot it\n", stderr: "" });
  });

  it("hands no signal on with --sig-proxy=false", async () => {
    const running = node.start(
      {},
      "run",
      "--name",
      "alone",
      "--sig-proxy=false",
      "--network",
      "none",
      "busybox",
      "sleep",
      "1000",
    );
    await waitUntil("it runs", async () => (await node.cli("ps", "-q", "--filter", "name=alone")).stdout !== "");
    running.kill("SIGTERM");

    expect((await running.result).exitCode).toBe(143);
    expect((await node.cli("ps", "-q", "--filter", "name=alone")).stdout).not.toBe("");
    await node.succeed("rm", "-f", "alone");
  });

  it("leaves a container alone whose client is killed", async () => {
    const running = node.start(
      {},
      "run",
      "--name",
      "orphan",
      "--network",
      "none",
      "busybox",
      "sh",
      "-c",
      "while :; do echo tick; sleep 0.05; done",
    );
    await running.waitForStdout("tick\n");
    running.kill("SIGKILL");
    await running.result;

    const before = (await node.succeed("logs", "orphan")).length;
    await waitUntil("it goes on", async () => (await node.succeed("logs", "orphan")).length > before);
    await node.succeed("rm", "-f", "orphan");
  });
});
