import { describe, expect, it } from "vitest";
import { nodeOfFile } from "../support/file-node.ts";
import { waitUntil } from "../support/wait-until.ts";

const CTRL_P = "\x10";
const CTRL_Q = "\x11";

const node = nodeOfFile();

async function isRunning(name: string): Promise<boolean> {
  return (await node.succeed("ps", "-q", "--filter", `name=${name}`)) !== "";
}

describe("attach", () => {
  it("shows the same to ten readers at once", async () => {
    const script = "while ! [ -e /go ]; do echo tick; sleep 0.05; done; seq 1 20000; echo end >&2";
    await node.succeed("run", "-d", "--name", "shared", "--network", "none", "busybox", "sh", "-c", script);
    const readers = Array.from({ length: 10 }, () => node.start({}, "attach", "--no-stdin", "shared"));
    await Promise.all(readers.map((reader) => reader.waitForStdout("tick\n")));
    await node.succeed("exec", "shared", "touch", "/go");

    const results = await Promise.all(readers.map(({ result }) => result));

    const expected = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join("");
    for (const { exitCode, stdout, stderr } of results) {
      expect(exitCode).toBe(0);
      expect(stdout.replaceAll("tick\n", "") === expected).toBe(true);
      expect(stderr).toBe("end\n");
    }
  });

  it("comes and goes at a container of -i -d", async () => {
    await node.succeed("run", "-d", "-i", "--name", "echoing", "--network", "none", "busybox", "cat");
    for (const word of ["first", "second"]) {
      const attached = node.start({}, "attach", "echoing");
      attached.write(`${word}\n`);
      await attached.waitForStdout(`${word}\n`);
      // The end of our input is not the container's.
      attached.endStdin();
      attached.kill("SIGKILL");
      await attached.result;
    }

    expect(await isRunning("echoing")).toBe(true);
    expect(await node.succeed("logs", "echoing")).toBe("first\nsecond");
  });

  it("ends with the container's exit code", async () => {
    await node.succeed(
      "run",
      "-d",
      "-i",
      "--name",
      "ending",
      "--network",
      "none",
      "busybox",
      "sh",
      "-c",
      "read x; exit 42",
    );
    const attached = node.start({}, "attach", "ending");
    attached.write("now\n");

    expect((await attached.result).exitCode).toBe(42);
  });

  it("leaves by the detach keys, and comes back", async () => {
    const shell = node.start({ tty: true }, "run", "-it", "--name", "shell", "--network", "none", "busybox", "sh");
    await shell.waitForStdout("#");
    shell.write("x=remembered\n");
    // A key that only begins the sequence is the container's.
    shell.write(`${CTRL_P}${CTRL_P}${CTRL_Q}`);

    const left = await shell.result;
    expect(left.exitCode).toBe(0);
    expect(await isRunning("shell")).toBe(true);

    const again = node.start({ tty: true }, "attach", "shell");
    await waitUntil("the shell answers", () => {
      again.write("echo $x\n");
      return again.stdout.includes("\nremembered");
    });
    again.write(`${CTRL_P}${CTRL_Q}`);
    const leftAgain = await again.result;
    expect(leftAgain.exitCode).toBe(1);
    expect(leftAgain.stdout).toMatch(/read escape sequence\r\n$/);

    const last = node.start({ tty: true }, "attach", "shell");
    last.write("exit 3\n");
    expect((await last.result).exitCode).toBe(3);
  });

  it("takes other detach keys", async () => {
    const keys = ["--detach-keys", "ctrl-a,x"];
    const shell = node.start(
      { tty: true },
      "run",
      "-it",
      ...keys,
      "--name",
      "otherkeys",
      "--network",
      "none",
      "busybox",
      "cat",
    );
    shell.write("typed\n");
    await shell.waitForStdout(/typed[\s\S]*typed/);
    shell.write("\x01x");

    expect((await shell.result).exitCode).toBe(0);
    expect(await isRunning("otherkeys")).toBe(true);
  });

  it.each(["SIGTERM", "SIGUSR1"] as const)("hands %s on without a terminal", async (signal) => {
    const name = `proxied-${signal.toLowerCase()}`;
    const script = `trap 'echo got it; exit 3' ${signal.slice(3)}; while :; do echo up; sleep 0.1; done`;
    await node.succeed("run", "-d", "--name", name, "--network", "none", "busybox", "sh", "-c", script);
    const attached = node.start({}, "attach", name);
    await attached.waitForStdout("up\n");
    attached.kill(signal);

    const { exitCode, stdout } = await attached.result;
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/got it\n$/);
  });

  it("fails at a container that does not run, or is paused", async () => {
    await node.succeed("create", "--name", "stopped", "--network", "none", "busybox", "true");
    await node.succeed("run", "-d", "--name", "frozen", "--network", "none", "busybox", "sleep", "1000");
    await node.succeed("pause", "frozen");

    expect(await node.cli("attach", "stopped")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "wharf: You cannot attach to a stopped container, start it first\n",
    });
    expect(await node.cli("attach", "frozen")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "wharf: You cannot attach to a paused container, unpause it first\n",
    });
    await node.succeed("unpause", "frozen");
  });
});

describe("start", () => {
  it("attaches with -a, and passes the exit code on", async () => {
    await node.succeed(
      "create",
      "--name",
      "twice",
      "--network",
      "none",
      "busybox",
      "sh",
      "-c",
      "echo out; echo err >&2; exit 7",
    );

    for (let time = 0; time < 2; time++) {
      expect(await node.cli("start", "-a", "twice")).toEqual({ exitCode: 7, stdout: "out\n", stderr: "err\n" });
    }
  });

  it("gives the container our input with -i", async () => {
    await node.succeed("create", "-i", "--name", "reader", "--network", "none", "busybox", "cat");

    expect(await node.cliWith({ stdin: "text" }, "start", "-ai", "reader")).toEqual({
      exitCode: 0,
      stdout: "text",
      stderr: "",
    });
  });

  it("prints the name of each that it started, and goes on after a failure", async () => {
    await node.succeed("create", "--name", "one", "--network", "none", "busybox", "sleep", "1000");
    await node.succeed("create", "--name", "two", "--network", "none", "busybox", "sleep", "1000");

    const result = await node.cli("start", "one", "ghost", "two");

    expect(result).toEqual({ exitCode: 1, stdout: "one\ntwo\n", stderr: "wharf: No such container: ghost\n" });
  });

  it("attaches to one container only", async () => {
    const result = await node.cli("start", "-a", "one", "two");

    expect(result).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "wharf: you cannot start and attach multiple containers at once\n",
    });
  });
});

describe("run -d --rm", () => {
  it("is removed by the supervisor once it has ended", async () => {
    const id = await node.succeed(
      "run",
      "-d",
      "-i",
      "--rm",
      "--name",
      "passing",
      "--network",
      "none",
      "busybox",
      "cat",
    );
    expect(id).toMatch(/^[0-9a-f]{64}$/);

    await node.succeed("stop", "-t", "0", "passing");

    await waitUntil("it is gone", async () => (await node.succeed("ps", "-aq", "--filter", "name=passing")) === "");
  });
});
