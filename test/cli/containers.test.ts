import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { nodeOfFile } from "../support/file-node.ts";
import { waitUntil } from "../support/wait-until.ts";

const node = nodeOfFile();
const image = "busybox";

/** Starts a container that sleeps, and returns its id. SIGTERM ends it. */
async function sleeper(name: string): Promise<string> {
  const command = ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"];
  return await node.succeed("run", "-d", "--name", name, "--network", "none", image, ...command);
}

async function stateOf(name: string): Promise<string> {
  return await node.succeed("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name);
}

/** Whether a process has a handler for signal 2. */
async function catchesSigint(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const caught = BigInt(`0x${/^SigCgt:\s*(\w+)$/m.exec(status)?.[1]}`);
  return (caught & 2n) !== 0n;
}

describe("stop", () => {
  it("sends the stop signal, prints the names, and leaves the container's own exit code", async () => {
    await sleeper("stop-a");
    const id = await sleeper("stop-b");
    expect(await node.cli("stop", "stop-a", id)).toEqual({ exitCode: 0, stdout: `stop-a\n${id}\n`, stderr: "" });
    expect(await stateOf("stop-a")).toBe("exited 7");
    expect(await node.cli("stop", "stop-a")).toEqual({ exitCode: 0, stdout: "stop-a\n", stderr: "" });
  });

  it("kills what does not heed the signal in time", async () => {
    await sleeper("stop-deaf");
    await node.succeed("stop", "-s", "WINCH", "-t", "0", "stop-deaf");
    expect(await stateOf("stop-deaf")).toBe("exited 137");
  });

  it("refuses a signal that there is not", async () => {
    await sleeper("stop-odd");
    const { exitCode, stderr } = await node.cli("stop", "-s", "FOO", "stop-odd");
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/invalid signal: FOO/i);
    expect(await stateOf("stop-odd")).toBe("running 0");
  });
});

describe("kill", () => {
  it("kills, or sends the signal that it is given", async () => {
    await sleeper("kill-a");
    await sleeper("kill-b");
    expect(await node.cli("kill", "kill-a")).toEqual({ exitCode: 0, stdout: "kill-a\n", stderr: "" });
    await node.succeed("kill", "--signal", "SIGTERM", "kill-b");
    expect(await node.succeed("wait", "kill-a", "kill-b")).toBe("137\n7");
  });

  it("complains of a container that does not run", async () => {
    const { exitCode, stderr } = await node.cli("kill", "kill-a");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("is not running");
  });
});

describe("restart", () => {
  it("runs the container anew, also one that had ended", async () => {
    await sleeper("again");
    const pid = await node.succeed("inspect", "-f", "{{.State.Pid}}", "again");
    expect(await node.cli("restart", "again")).toEqual({ exitCode: 0, stdout: "again\n", stderr: "" });
    expect(await node.succeed("inspect", "-f", "{{.State.Pid}}", "again")).not.toBe(pid);
    await node.succeed("kill", "again");
    await node.succeed("wait", "again");
    await node.succeed("restart", "-t", "1", "again");
    expect(await stateOf("again")).toBe("running 0");
  });
});

describe("pause", () => {
  it("stops and resumes all processes, and says what state forbids it", async () => {
    await sleeper("nap");
    expect(await node.succeed("pause", "nap")).toBe("nap");
    expect(await node.succeed("ps", "--filter", "name=nap", "--format", "{{.State}} {{.Status}}")).toMatch(
      /^paused Up .* \(Paused\)$/,
    );
    const twice = await node.cli("pause", "nap");
    expect(twice.exitCode).toBe(1);
    expect(twice.stderr).toContain("is already paused");
    expect(await node.succeed("unpause", "nap")).toBe("nap");
    expect((await node.cli("unpause", "nap")).stderr).toContain("is not paused");
  });
});

describe("rename", () => {
  it("gives the container another name and frees the old one", async () => {
    const id = await sleeper("old");
    expect(await node.cli("rename", "old", "new")).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(await node.succeed("inspect", "-f", "{{.Id}} {{.Name}}", "new")).toBe(`${id} /new`);
    expect((await node.cli("inspect", "old")).exitCode).toBe(1);
    await sleeper("old");
  });

  it.each([
    ["new", "old", /Conflict\. The container name "\/old" is already in use by container/],
    ["ghost", "x", /no such container: ghost/i],
    ["new", "a b", /invalid container name \(a b\)/],
    ["new", "", /neither old nor new names may be empty/],
  ])("refuses %s -> %s", async (from, to, complaint) => {
    const { exitCode, stdout, stderr } = await node.cli("rename", from, to);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(complaint);
  });
});

describe("top", () => {
  it("shows the container's processes in the columns of ps, twenty wide", async () => {
    await node.succeed("run", "-d", "--name", "proc", "--network", "none", image, "sleep", "4242");
    const [header, ...rows] = (await node.succeed("top", "proc")).split("\n");
    expect(header).toBe(
      ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME"]
        .map((title) => title.padEnd(20))
        .join("")
        .concat("CMD"),
    );
    expect(rows).toEqual([expect.stringMatching(/ sleep 4242$/)]);
    expect(await node.succeed("top", "proc", "-o", "pid,cmd")).toMatch(/^PID {17}CMD\n\d+ +sleep 4242$/);
  });

  it("complains of a container that does not run", async () => {
    await node.succeed("create", "--name", "idle", "--network", "none", image, "true");
    const { exitCode, stderr } = await node.cli("top", "idle");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("is not running");
  });
});

describe("wait", () => {
  it("blocks until each has ended, and prints the exit codes in their order", async () => {
    await sleeper("wait-a");
    await node.cli("run", "--name", "wait-b", "--network", "none", image, "sh", "-c", "exit 3");
    const waiting = node.start({}, "wait", "wait-a", "wait-b");
    await node.succeed("stop", "wait-a");
    expect(await waiting.result).toEqual({ exitCode: 0, stdout: "7\n3\n", stderr: "" });
  });

  it("ends with 130 when it is interrupted, and leaves the container alone", async () => {
    await sleeper("wait-long");
    const waiting = node.start({}, "wait", "wait-long");
    await waitUntil("the command listens for SIGINT", () => catchesSigint(waiting.pid));
    waiting.kill("SIGINT");
    expect((await waiting.result).exitCode).toBe(130);
    expect(await stateOf("wait-long")).toBe("running 0");
  });
});

describe("rm", () => {
  it("refuses what runs, and removes it with -f", async () => {
    await sleeper("rm-a");
    const refused = await node.cli("rm", "rm-a");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('cannot remove container "rm-a": container is running');
    expect(await node.cli("rm", "-f", "rm-a")).toEqual({ exitCode: 0, stdout: "rm-a\n", stderr: "" });
    expect(await node.succeed("ps", "-aq", "--filter", "name=rm-a")).toBe("");
  });

  it("removes many at once and prints them in their order", async () => {
    const names = ["rm-1", "rm-2", "rm-3", "rm-4"];
    for (const name of names) await sleeper(name);
    expect(await node.succeed("rm", "-f", ...names)).toBe(names.join("\n"));
  });
});
