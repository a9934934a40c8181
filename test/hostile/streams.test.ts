import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { nodeOfFile } from "../support/file-node.ts";
import { waitUntil } from "../support/wait-until.ts";

const WHARF = resolve(fileURLToPath(import.meta.url), "../../../bin/wharf");

const node = nodeOfFile();

beforeAll(async () => {
  await node.succeed(
    "run",
    "-d",
    "--name",
    "web",
    "--network",
    "none",
    "busybox",
    "sh",
    "-c",
    "seq 1 20000; exec sleep 1000",
  );
  await waitUntil("all is logged", async () => (await node.succeed("logs", "--tail", "1", "web")) === "20000", 60_000);
});

/** Runs a shell script in which `$wharf` is wharf; returns what the script's own streams got. */
async function shell(script: string): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  return await node.cliWith({ program: "/bin/bash", env: { wharf: WHARF }, timeoutMs: 120_000 }, "-c", script);
}

describe("a command whose streams are not what they should be", () => {
  it.each([
    "ps",
    "images",
    "logs web",
    "inspect web",
    "version",
    "--help",
    "run --rm --network none busybox echo hello",
  ])("%s says in one line that stdout is full, and fails", async (command) => {
    const { exitCode, stderr } = await shell(`$wharf ${command} > /dev/full`);

    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/^wharf: [^\n]*no space left on device[^\n]*\n$/i);
  });

  it("ends quietly when nobody reads what it prints", async () => {
    expect(await shell("$wharf logs web | head -n 1")).toEqual({ exitCode: 0, stdout: "1\n", stderr: "" });
    expect(await shell("$wharf ps | true")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await shell("$wharf run --rm --network none busybox seq 1 100000 | head -n 1")).toEqual({
      exitCode: 0,
      stdout: "1\n",
      stderr: "",
    });
    await waitUntil(
      "no container is left",
      async () => (await node.succeed("ps", "-aq")).split("\n").length === 1,
      60_000,
    );
  });

  it.each(["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])("runs with %s", async (redirection) => {
    expect(await shell(`$wharf ps ${redirection}; echo done`)).toMatchObject({ exitCode: 0, stderr: "" });
    const ran = await shell(`$wharf run --rm --network none busybox sh -c 'exit 7' ${redirection}; echo $?`);
    expect(ran).toMatchObject({ stdout: "7\n", stderr: "" });
    const id = await shell(`$wharf run -d --network none busybox true ${redirection}; echo $?`);
    expect(id.stdout).toMatch(/0\n$/);
  });

  it("goes when its terminal goes, and the container stays", async () => {
    const child = spawn(
      "script",
      ["--quiet", "--flush", "--command", `${WHARF} run -it --name shell --network none busybox sh`, "/dev/null"],
      {
        env: { ...process.env, ...node.environment },
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    let shown = "";
    child.stdout.on("data", (chunk: Buffer) => {
      shown += chunk;
    });
    child.stdin.write("echo re''ady\n");
    await waitUntil("the shell answers", () => shown.includes("ready"), 60_000);
    const foreground = await waitUntil("the command is found", async () => await commandOf("--name shell"), 60_000);

    child.kill("SIGKILL");

    await waitUntil("the command is gone", async () => (await commandOf("--name shell")) !== foreground, 60_000);
    expect(await node.succeed("inspect", "--format", "{{.State.Status}}", "shell")).toBe("running");
    await node.succeed("rm", "-f", "shell");
  });
});

/** The pid of the wharf whose command line has the words, and undefined when there is none. */
async function commandOf(words: string): Promise<string | undefined> {
  const { stdout } = await shell(`pgrep -f 'wharf.* ${words}' | while read pid; do
    case "$(cat /proc/$pid/comm)" in node*|wharf*) echo $pid ;; esac; done`);
  return stdout.split("\n").find((line) => line !== "");
}
