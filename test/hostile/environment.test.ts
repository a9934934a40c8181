import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CliResult } from "../support/cli.ts";
import { noNetworkTraces } from "../support/network-traces.ts";
import { OwnHost } from "../support/own-host.ts";
import { runProgram } from "../support/program.ts";

const WHARF = resolve(fileURLToPath(import.meta.url), "../../../bin/wharf");

let host: OwnHost;

beforeAll(async () => {
  host = await OwnHost.start();
  // The first one makes /run/netns what mount namespaces share.
  await host.node.succeed("run", "--rm", "busybox", "true");
  await host.node.cli("supervisor", "stop");
});

// Each test has a supervisor of its own, which grows up in what the test makes of the host.
afterEach(async () => {
  const ids = (await host.node.succeed("ps", "-aq")).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await host.node.succeed("rm", "-f", ...ids);
  await host.node.cli("supervisor", "stop");
});

afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

/** Runs a shell script in which `$wharf` is wharf. */
async function shell(script: string, env: Record<string, string | undefined> = {}): Promise<CliResult> {
  return await host.node.cliWith(
    { program: "/bin/bash", env: { wharf: WHARF, ...env }, timeoutMs: 120_000 },
    "-c",
    script,
  );
}

/** As `shell`, on a host that lacks the programs: in a mount namespace whose directories of programs hide them. */
async function shellWithout(programs: readonly string[], script: string): Promise<CliResult> {
  const layers = join(host.directory, "layers");
  const hide = ["/usr/sbin", "/usr/bin"].flatMap((directory) => {
    const [upper, work] = [`${layers}${directory}/upper`, `${layers}${directory}/work`];
    // An overlay shows a file of these numbers as one that is not there.
    const whiteouts = programs.map((program) => `mknod ${upper}/${program} c 0 0`);
    const overlay = `lowerdir=${directory},upperdir=${upper},workdir=${work}`;
    return [`mkdir -p ${upper} ${work}`, ...whiteouts, `mount -t overlay -o ${overlay} overlay ${directory}`];
  });
  await mkdir(layers, { recursive: true });
  const inside = [...hide, script].join("\n");
  try {
    return await shell(`exec unshare --mount --propagation unchanged bash -e <<'END'\n${inside}\nEND`);
  } finally {
    await rm(layers, { recursive: true, force: true });
  }
}

const RUN = "$wharf run --rm --network";

describe("a host without", () => {
  it("iptables says so, and runs containers that need none", async () => {
    const refused = await shellWithout(
      ["iptables", "iptables-restore", "iptables-save"],
      "$wharf run --rm --name web busybox true",
    );

    expect(refused).toEqual({
      exitCode: 125,
      stdout: "",
      stderr: expect.stringMatching(/^wharf: [^\n]*iptables\S* is not installed\nrun: wharf system install\n$/),
    });
    expect(await shell(`${RUN} none busybox echo none; ${RUN} host busybox echo host`)).toEqual({
      exitCode: 0,
      stdout: "none\nhost\n",
      stderr: "",
    });
    expect(await host.node.succeed("ps", "-aq")).toBe("");
  });

  it("ip says so, and runs containers that need none", async () => {
    const refused = await shellWithout(["ip"], "$wharf run --rm --name web busybox true");

    expect(refused).toEqual({
      exitCode: 125,
      stdout: "",
      stderr: expect.stringMatching(/^wharf: [^\n]*ip is not installed\nrun: wharf system install\n$/),
    });
    expect(await shell(`${RUN} none busybox echo none`)).toMatchObject({ stdout: "none\n", stderr: "" });
  });

  it("a home directory, a PATH or a directory for temporary files works", async () => {
    const env = { HOME: undefined, PATH: "", TMPDIR: "/nonexistent", DOCKER_CONFIG: undefined };
    const node = dirname(process.execPath);

    const ran = await shell(`PATH=${node}; exec ${WHARF} run --name web busybox echo hello`, env);

    expect(ran).toEqual({ exitCode: 0, stdout: "hello\n", stderr: "" });
    const id = await host.node.succeed("inspect", "--format", "{{.Id}}", "web");
    await noNetworkTraces(host.node.host.runRoot, id);
    const archive = join(host.directory, "image.tar");
    const saved = await shell(`${WHARF} save -o ${archive} busybox && ${WHARF} load -q -i ${archive}`, {
      ...env,
      PATH: `${node}:/usr/bin:/bin`,
    });
    expect(saved).toMatchObject({ exitCode: 0, stderr: "" });
  });
});

describe("a supervisor that was started", () => {
  it.each(["000", "077", "0777"])(
    "with umask %s writes files that containers can read, and nobody else its socket",
    async (umask) => {
      const flags = "--name web -v data:/data --user 1000 --hostname web";
      const script = "cat /etc/hostname /etc/hosts /etc/resolv.conf > /dev/null && echo readable";

      const ran = await shell(`umask ${umask}; $wharf run ${flags} busybox sh -c '${script}'`);

      expect(ran).toEqual({ exitCode: 0, stdout: "readable\n", stderr: "" });
      const found = await runProgram("find", [
        host.directory,
        "-path",
        "*/containerd*",
        "-prune",
        "-o",
        "-perm",
        "/o+w",
        "!",
        "-type",
        "l",
        "-print",
      ]);
      expect(found.stdout).toBe("");
      const { stdout } = await runProgram("find", [
        join(host.directory, "run"),
        "-name",
        "docker.sock",
        "-printf",
        "%m",
      ]);
      expect(stdout).toBe("660");
      await host.node.succeed("rm", "-v", "web");
    },
  );

  it("with few descriptors says when they are used up, and goes on with what it has", async () => {
    const names = Array.from({ length: 40 }, (_, index) => `web${index}`);
    await shell("ulimit -n 128; $wharf supervisor start");
    const started: string[] = [];
    let refused: CliResult | undefined;
    for (const name of names) {
      const result = await host.node.cli("run", "-d", "--name", name, "--network", "none", "busybox", "sleep", "1000");
      if (result.exitCode !== 0) {
        refused = result;
        break;
      }
      started.push(name);
    }

    expect(started.length).toBeGreaterThan(8);
    expect(refused).toMatchObject({ exitCode: 125 });
    expect(refused?.stderr).toMatch(/^wharf: [^\n]*too many open files[^\n]*\n/i);
    expect((await host.node.succeed("ps", "-q")).split("\n")).toHaveLength(started.length);
    await host.node.succeed("rm", "-f", ...started.slice(0, 4));
    expect(await host.node.succeed("exec", started.at(-1) ?? "", "echo", "here")).toBe("here");
    expect(await host.node.succeed("run", "--rm", "--network", "none", "busybox", "echo", "again")).toBe("again");
  });
});

describe("a broken file", () => {
  it("of docker's configuration is named, and what needs no registry goes on", async () => {
    const directory = join(host.directory, "docker");
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "config.json"), "\0garbage");

    const registry = createServer((_, response) => {
      response.writeHead(401, { "www-authenticate": 'Basic realm="test"' }).end();
    }).listen(0, "127.0.0.1");
    await once(registry, "listening");
    const image = `127.0.0.1:${(registry.address() as AddressInfo).port}/app`;
    const pulled = await shell(`$wharf pull ${image}`, { DOCKER_CONFIG: directory });
    registry.close();
    expect(pulled.exitCode).toBe(1);
    expect(pulled.stderr).toBe(`wharf: ${directory}/config.json: it is not valid JSON\n`);
    expect(await shell(`${RUN} none busybox echo hello`, { DOCKER_CONFIG: directory })).toMatchObject({
      stdout: "hello\n",
    });
  });

  it("of a network is named when that network is asked for, and the other networks go on", async () => {
    await mkdir("/etc/cni/net.d", { recursive: true });
    const broken = `/etc/cni/net.d/00-broken-${process.pid}.conflist`;
    await writeFile(broken, `{ "cniVersion": "1.0.0", "name": "broken", "plugins": [`);
    const lacking = `/etc/cni/net.d/01-lacking-${process.pid}.conflist`;
    const plugins = [{ type: "no-such-plugin" }];
    await writeFile(lacking, JSON.stringify({ cniVersion: "1.0.0", name: "lacking", plugins }));
    try {
      expect(await shell(`${RUN} bridge busybox echo hello`)).toMatchObject({
        exitCode: 0,
        stdout: "hello\n",
        stderr: "",
      });
      const missing = await shell(`${RUN} broken busybox true`);
      expect(missing.exitCode).toBe(125);
      expect(missing.stderr).toContain("network broken not found\n");
      expect(missing.stderr).toContain(`malformed network configuration ${broken}`);
      const without = await shell(`${RUN} lacking busybox true`);
      expect(without).toMatchObject({ exitCode: 125, stdout: "" });
      expect(without.stderr).toMatch(
        /CNI plugin no-such-plugin is not installed in [^\n]*\nrun: wharf system install\n$/,
      );
      expect(await host.node.succeed("ps", "-aq")).toBe("");
    } finally {
      await rm(broken);
      await rm(lacking);
    }
  });
});

describe("a read-only", () => {
  it.each(["data", "run"])("%s root is named by what has to write, and does not keep from looking", async (root) => {
    const path = join(host.directory, root);
    await mkdir(path, { recursive: true });
    await host.node.succeed("run", "--name", "old", "--network", "none", "busybox", "echo", "hello");
    await host.node.succeed("supervisor", "stop");
    const readOnly = `mount --bind ${path} ${path}; mount -o remount,ro,bind ${path}`;

    const ran = await shell(
      `exec unshare --mount bash -e <<'END'\n${readOnly}\n$wharf run --network none busybox true\nEND`,
    );
    const looked = await shell(
      `exec unshare --mount bash -e <<'END'\n${readOnly}\n$wharf ps -a --format '{{.Names}}'; $wharf logs old\nEND`,
    );

    expect(ran).toMatchObject({ exitCode: 125, stdout: "" });
    expect(ran.stderr).toMatch(/^wharf: [^\n]*read-only file system[^\n]*\n/i);
    expect(ran.stderr).not.toContain("internal error");
    expect(looked).toEqual({ exitCode: 0, stdout: "old\nhello\n", stderr: "" });
    expect(await host.node.succeed("ps", "-aq")).toHaveLength(12);
  });
});
