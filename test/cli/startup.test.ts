import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runCli } from "../support/cli.ts";

interface Metafile {
  readonly inputs: Readonly<Record<string, { readonly imports: readonly MetafileImport[] }>>;
}

interface MetafileImport {
  readonly path: string;
  readonly kind: string;
}

const metafile = JSON.parse(readFileSync(new URL("../../dist/metafile.json", import.meta.url), "utf8")) as Metafile;

/** All that is evaluated before these modules are: what they import, and not what they load when they need it. */
function loadedWith(...entries: string[]): string[] {
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { path: target, kind } of metafile.inputs[path]?.imports ?? []) {
      // The build makes `require` calls of oclif and built-in modules lazy.
      if (kind === "import-statement") load(target);
    }
  };
  for (const entry of ["src/main.ts", ...entries]) load(entry);
  return [...loaded];
}

const DIRECT = ["src/cli/open-engine.ts", "src/containerd/client.ts"];
const SUPERVISED = ["src/cli/open-supervisor.ts"];

/** Slow to load, and of no use to a command that pulls nothing and prints no help. */
const NEVER =
  /undici|\/ora\/|tar-stream|@oclif\/core\/lib\/(?:help|config|ux|index)|^node:(?:http2|zlib|readline|tls|https)$|src\/(?:registry|archive|cni|supervisor)\//;

describe("what is loaded before a command runs", () => {
  it.each([
    ["ps", ["src/commands/container/ls.ts", ...DIRECT]],
    ["inspect", ["src/commands/inspect.ts", ...DIRECT]],
    ["images", ["src/commands/image/ls.ts", ...DIRECT]],
    ["version", ["src/commands/version.ts", ...DIRECT]],
    ["run", ["src/commands/container/run.ts", ...SUPERVISED]],
    ["exec", ["src/commands/container/exec.ts", ...SUPERVISED]],
    ["start", ["src/commands/container/start.ts", ...SUPERVISED]],
    ["stop", ["src/commands/container/stop.ts", ...SUPERVISED]],
    ["rm", ["src/commands/container/rm.ts", ...SUPERVISED]],
  ])("is nothing slow that %s does not need", (_, entries) => {
    expect(entries.filter((entry) => metafile.inputs[entry] === undefined)).toEqual([]);
    expect(loadedWith(...entries).filter((path) => NEVER.test(path))).toEqual([]);
  });

  it.each(["run", "exec", "start", "stop", "kill", "restart", "rm", "wait", "pause"])(
    "is no part of containerd's client for %s, which speaks to the supervisor",
    (name) => {
      const loaded = loadedWith(`src/commands/container/${name}.ts`, ...SUPERVISED);
      expect(loaded.filter((path) => path.startsWith("src/containerd/"))).toEqual([]);
    },
  );

  it("is none of Node's modules that take milliseconds: they wait until something of them is used", () => {
    const commands = Object.keys(metafile.inputs).filter((path) => /^src\/commands\/container\/\w+\.ts$/.test(path));
    expect(commands.length).toBeGreaterThan(15);
    const slow = /^node:(?:child_process|crypto|fs\/promises|http|http2|net|zlib)$/;
    expect(loadedWith(...commands, ...DIRECT, ...SUPERVISED).filter((path) => slow.test(path))).toEqual([]);
  });
});

describe("the launcher", () => {
  it("runs the bundle from compiled code", async () => {
    const { stdout } = await runCli(["version"], {
      env: { CONTAINERD_ADDRESS: "/nowhere", NODE_OPTIONS: undefined },
    });
    const nodeVersion = /Node version: +(\S+)/.exec(stdout)?.[1];
    const loader = readFileSync(new URL("../../dist/wharf.cjs", import.meta.url), "utf8");
    const bundle = /bundles\/(wharf-\w+\.js)/.exec(loader)?.[1];
    expect(
      readFileSync(new URL(`../../dist/bundles/${bundle}.${nodeVersion}`, import.meta.url)).length,
    ).toBeGreaterThan(0);
  });
});
