import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeOfFile } from "../support/file-node.ts";
import { busyboxImage } from "../support/images.ts";
import { waitUntil } from "../support/wait-until.ts";

const node = nodeOfFile();
const image = "busybox";
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "run-flags-"));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

const inside = (flags: readonly string[], script: string) => node.inside(flags, script);

describe("users", () => {
  it.each<[flags: string[], id: string]>([
    [[], "uid=0(root) gid=0(root) groups=0(root),10(wheel)"],
    [["-u", "www-data"], "uid=33(www-data) gid=33(www-data) groups=33(www-data)"],
    [["-u", "33"], "uid=33(www-data) gid=33(www-data) groups=33(www-data)"],
    [["-u", "1234"], "uid=1234 gid=0(root) groups=0(root)"],
    [["-u", "1234:1235"], "uid=1234 gid=1235 groups=1235"],
    [["-u", "nobody:wheel"], "uid=65534(nobody) gid=10(wheel) groups=10(wheel)"],
    [["-u", "1234", "--group-add", "wheel", "--group-add", "77"], "uid=1234 gid=0(root) groups=0(root),10(wheel),77"],
  ])("%j", async (flags, id) => {
    expect(await inside(flags, "id")).toBe(id);
  });

  it("are at home where their image says", async () => {
    expect(await inside(["-u", "www-data"], "echo $HOME")).toBe("/var/www");
    expect(await inside(["-u", "1234"], "echo $HOME")).toBe("/");
  });

  it("are those of the image when no flag says otherwise", async () => {
    const own = await node.load("own-user", await busyboxImage({ config: { User: "www-data", WorkingDir: "/tmp" } }));
    const script = "id -un; pwd";
    expect(await node.succeed("run", "--rm", "--network", "none", own, "sh", "-c", script)).toBe("www-data\n/tmp");
  });
});

describe("environment", () => {
  it("is docker's, with what -e and --env-file say", async () => {
    const file = join(directory, "env");
    await writeFile(file, "# comment\nFROM_FILE=1\nOVERRIDDEN=file\n  SPACED=a b \nHOST_ONLY\nNOT_SET\n");
    const { exitCode, stdout } = await node.cliWith(
      { env: { HOST_ONLY: "seen", TAKEN: "along" } },
      ...["run", "--rm", "--network", "none", "--hostname", "box", "--env-file", file],
      ...["-e", "OVERRIDDEN=flag", "-e", "TAKEN", "-e", "UNKNOWN_HERE", "-e", "EMPTY=", image, "env"],
    );
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd().split("\n").sort()).toEqual([
      "EMPTY=",
      "FROM_FILE=1",
      "HOME=/root",
      "HOSTNAME=box",
      "HOST_ONLY=seen",
      "OVERRIDDEN=flag",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "SPACED=a b ",
      "TAKEN=along",
    ]);
  });

  it("has the image's variables under it, which a bare name removes", async () => {
    const own = await node.load(
      "own-env",
      await busyboxImage({ config: { Env: ["A=image", "B=image", "PATH=/bin"] } }),
    );
    const args = ["run", "--rm", "--network", "none", "-e", "A=flag", "-e", "B", own, "env"];
    expect((await node.succeed(...args)).split("\n").sort()).toEqual(expect.arrayContaining(["A=flag", "PATH=/bin"]));
    expect(await node.succeed(...args)).not.toContain("B=");
  });

  it("knows a terminal", async () => {
    const args = ["run", "--rm", "--network", "none", "-it", image, "sh", "-c", "tty; echo $TERM; stty size"];
    const { stdout } = await node.cliWith({ tty: { rows: 33, columns: 99 } }, ...args);
    expect(stdout).toBe("/dev/pts/0\r\nxterm\r\n33 99\r\n");
  });
});

describe("the command", () => {
  it("follows the entrypoint, which a flag replaces together with the image's command", async () => {
    const own = await node.load(
      "own-command",
      await busyboxImage({ config: { Entrypoint: ["echo", "in"], Cmd: ["cmd"] } }),
    );
    const run = (...args: string[]) => node.succeed("run", "--rm", "--network", "none", ...args);
    expect(await run(own)).toBe("in cmd");
    expect(await run(own, "mine")).toBe("in mine");
    expect(await run("--entrypoint", "printf", own, "%s", "x")).toBe("x");
    expect(await run("--entrypoint", "", own, "echo", "plain")).toBe("plain");
    const bare = await node.cli("run", "--rm", "--entrypoint", "", own);
    expect(bare).toMatchObject({ exitCode: 125, stderr: "wharf: no command specified\n" });
  });

  it("keeps its own flags", async () => {
    expect(await node.succeed("run", "--rm", "--network", "none", image, "echo", "-e", "--rm", "-it", "--help")).toBe(
      "--rm -it --help",
    );
  });

  it("starts in -w, which is made where it does not exist", async () => {
    expect(await inside(["-w", "/made/up"], "pwd; stat -c %u /made/up")).toBe("/made/up\n0");
  });

  it("is the child of an init with --init", async () => {
    expect(await inside(["--init"], "cat /proc/1/comm; echo $PPID")).toBe("docker-init\n1");
    expect(await inside([], "echo $$")).toBe("1");
  });
});

describe("names", () => {
  it("are the container's own", async () => {
    const flags = ["--hostname", "box", "--domainname", "example.org"];
    expect(await inside(flags, "hostname; cat /etc/hostname; cat /proc/sys/kernel/domainname")).toBe(
      "box\nbox\nexample.org",
    );
  });

  it("are the first twelve digits of the id otherwise", async () => {
    const id = await node.succeed("create", "--network", "none", image, "hostname");
    const { stdout } = await node.cli("start", "-a", id);
    expect(stdout).toBe(`${id.slice(0, 12)}\n`);
  });

  it("of others are in /etc/hosts and /etc/resolv.conf", async () => {
    const flags = ["--add-host", "db:10.1.2.3", "--add-host", "six=[fd00::1]"];
    const dns = ["--dns", "10.9.9.9", "--dns-search", "example.org", "--dns-option", "ndots:2"];
    const text = await inside([...flags, ...dns], "cat /etc/hosts /etc/resolv.conf");
    expect(text).toMatch(/^10\.1\.2\.3\s+db$/m);
    expect(text).toMatch(/^fd00::1\s+six$/m);
    expect(text).toMatch(/^nameserver 10\.9\.9\.9$/m);
    expect(text).toMatch(/^search example\.org$/m);
    expect(text).toMatch(/^options ndots:2$/m);
  });
});

describe("what is written down", () => {
  it("has labels of flags and files, and annotations", async () => {
    const file = join(directory, "labels");
    await writeFile(file, "from.file=1\nbare\n");
    const flags = ["--label-file", file, "-l", "flag=2", "-l", "from.file=3", "--annotation", "org.example=4"];
    const id = await node.succeed("create", "--network", "none", ...flags, image, "true");
    const format = "{{json .Config.Labels}} {{json .HostConfig.Annotations}}";
    expect(await node.succeed("inspect", "--format", format, id)).toBe(
      '{"bare":"","flag":"2","from.file":"3"} {"org.example":"4"}',
    );
  });

  it("is the id in --cidfile, and the process in --pidfile", async () => {
    const cidFile = join(directory, "cid");
    const pidFile = join(directory, "pid");
    const flags = ["-d", "--network", "none", "--cidfile", cidFile, "--pidfile", pidFile];
    const id = await node.succeed("run", ...flags, image, "sleep", "1000");
    expect(await readFile(cidFile, "utf8")).toBe(id);
    const pid = await readFile(pidFile, "utf8");
    // The runtime's own process becomes the container's.
    await waitUntil(
      "the process is the container's",
      async () => (await readFile(`/proc/${pid}/cmdline`, "utf8")) === "sleep\x001000\0",
    );

    const again = await node.cli("run", "--rm", "--cidfile", cidFile, image, "true");
    expect(again).toEqual({
      exitCode: 125,
      stdout: "",
      stderr: `wharf: container ID file found, make sure the other container isn't running or delete ${cidFile}\n`,
    });
    await node.succeed("rm", "-f", id);
  });

  it("is the exit code, whatever it is", async () => {
    const { exitCode } = await node.cli("run", "--rm", "--network", "none", image, "sh", "-c", "exit 123");
    expect(exitCode).toBe(123);
  });
});
