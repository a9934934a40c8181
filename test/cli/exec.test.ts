import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { nodeOfFile } from "../support/file-node.ts";
import { waitUntil } from "../support/wait-until.ts";

const node = nodeOfFile();

beforeAll(async () => {
  const accounts = [
    "echo app:x:1234:1234::/home/app:/bin/sh >> /etc/passwd",
    "echo app:x:1234: >> /etc/group",
    "echo extra:x:77:app >> /etc/group",
  ];
  const script = [...accounts, "touch /ready", "sleep 100000"].join("; ");
  await node.succeed("run", "-d", "--name", "box", "-e", "OWN=1", "--network", "none", "busybox", "sh", "-c", script);
  await waitUntil(
    "the user is there",
    async () => (await node.cli("exec", "box", "test", "-e", "/ready")).exitCode === 0,
  );
});

describe("exec", () => {
  it("shows both outputs and passes the exit code on", async () => {
    const result = await node.cli("exec", "box", "sh", "-c", "echo out; echo err >&2; exit 7");

    expect(result).toEqual({ exitCode: 7, stdout: "out\n", stderr: "err\n" });
  });

  it("is 128 + n for a process that a signal ended", async () => {
    expect((await node.cli("exec", "box", "sh", "-c", "kill -TERM $$")).exitCode).toBe(143);
  });

  it.each([
    ["nosuch", 127, 'exec: "nosuch": executable file not found in $PATH'],
    ["/etc/passwd", 126, 'exec: "/etc/passwd": permission denied'],
  ])("tells why %s cannot be run", async (command, exitCode, reason) => {
    const result = await node.cli("exec", "box", command);

    expect(result.exitCode).toBe(exitCode);
    expect(result.stdout).toBe("");
    expect(result.stderr).toBe(
      `OCI runtime exec failed: exec failed: unable to start container process: ${reason}\r\n`,
    );
  });

  it("is binary-safe in both directions, and the end of input is the process's", async () => {
    const bytes = randomBytes(1_000_000);
    const running = node.start({ stdin: bytes }, "exec", "-i", "box", "cat");
    await running.result;

    expect(running.stdoutBytes.equals(bytes)).toBe(true);
  });

  it("brings 10 MB whole", async () => {
    const { stdout } = await node.cli("exec", "box", "head", "-c", "10000000", "/dev/zero");

    expect(stdout.length).toBe(10_000_000);
  });

  it("runs as a user of the container's own, by name", async () => {
    expect(await node.succeed("exec", "-u", "app", "box", "sh", "-c", "id; echo $HOME")).toBe(
      "uid=1234(app) gid=1234(app) groups=77(extra),1234(app)\n/home/app",
    );
    expect(await node.succeed("exec", "-u", "5:6", "box", "sh", "-c", "id -u; id -g")).toBe("5\n6");
  });

  it("refuses a user that the container does not know", async () => {
    const result = await node.cli("exec", "-u", "ghost", "box", "id");

    expect(result).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "wharf: unable to find user ghost: no matching entries in passwd file\n",
    });
  });

  it("has the container's environment, with -e and --env-file over it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "wharf-env-"));
    const file = join(directory, "env");
    await writeFile(file, "# a comment\nFROM_FILE=yes\nOWN=file\n");

    const shown = await node.succeed("exec", "--env-file", file, "-e", "OWN=2", "-e", "NEW=a b", "box", "env");

    expect(shown.split("\n")).toEqual(expect.arrayContaining(["OWN=2", "NEW=a b", "FROM_FILE=yes"]));
    await rm(directory, { recursive: true });
  });

  it("works in another directory with -w", async () => {
    expect(await node.succeed("exec", "-w", "/etc", "box", "pwd")).toBe("/etc");
  });

  it("has all capabilities with --privileged", async () => {
    const effective = ["sh", "-c", "grep CapEff /proc/self/status"];
    const own = await node.succeed("exec", "box", ...effective);
    const all = await node.succeed("exec", "--privileged", "box", ...effective);

    const value = (line: string) => BigInt(`0x${line.split("\t")[1]}`);
    expect(value(all)).toBeGreaterThan(value(own));
  });

  it("does not wait with -d", async () => {
    expect(await node.cli("exec", "-d", "box", "sh", "-c", "sleep 0.2; echo done > /tmp/done")).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
    });
    await waitUntil("it is done", async () => (await node.cli("exec", "box", "cat", "/tmp/done")).stdout === "done\n");
  });

  it("is not held up by a child that keeps the output open", async () => {
    const started = performance.now();

    const { stdout, exitCode } = await node.cli("exec", "box", "sh", "-c", "sleep 1000 & echo started");

    expect({ stdout, exitCode }).toEqual({ stdout: "started\n", exitCode: 0 });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("has a terminal with -t", async () => {
    const shell = node.start({ tty: { rows: 22, columns: 99 } }, "exec", "-it", "box", "sh");
    await shell.waitForStdout("#");
    shell.write("tty; stty size; echo $TERM\n");
    await shell.waitForStdout(/\/dev\/pts\/\d+\r\n22 99\r\nxterm\r\n/);
    shell.write("exit 4\n");

    expect((await shell.result).exitCode).toBe(4);
  });

  it("may be left by the detach keys, and runs on", async () => {
    const shell = node.start({ tty: true }, "exec", "-it", "box", "sh", "-c", "echo up; read x; echo $x > /tmp/left");
    await shell.waitForStdout("up");
    shell.write("\x10\x11");

    const { exitCode, stdout } = await shell.result;
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/read escape sequence\r\n$/);
    expect(await node.succeed("top", "box")).toContain("read x");
  });

  it("fails in a container that does not run, or is paused", async () => {
    await node.succeed("create", "--name", "idle", "--network", "none", "busybox", "true");
    const idle = await node.cli("exec", "idle", "true");
    expect(idle.exitCode).toBe(1);
    expect(idle.stderr).toMatch(/^wharf: container [0-9a-f]{64} is not running\n/i);

    await node.succeed("run", "-d", "--name", "frozen", "--network", "none", "busybox", "sleep", "1000");
    await node.succeed("pause", "frozen");
    const frozen = await node.cli("exec", "frozen", "true");
    expect(frozen.exitCode).toBe(1);
    expect(frozen.stderr).toBe("wharf: Container frozen is paused, unpause the container before exec\n");
    await node.succeed("unpause", "frozen");
  });
});
