import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), "../src");

const BOUNDARIES = ["api", "archive", "cni", "containerd", "registry", "stdio", "store"] as const;

/** Files beside the folders, which import nothing and which all but the pure folders may import. */
const ROOT_FILES = ["errors", "fault-point", "program-environment", "wall-clock"] as const;

/** Which folders a folder's files may import, beside their own. Downwards only. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  main: ["cli", "command-table"],
  "command-table": ["cli", "commands"],
  commands: ["cli", "engine", ...BOUNDARIES, "model", ...ROOT_FILES],
  cli: ["engine", ...BOUNDARIES, "model", ...ROOT_FILES],
  supervisor: ["engine", ...BOUNDARIES, "spec", "model", ...ROOT_FILES],
  engine: [...BOUNDARIES, "spec", "model", ...ROOT_FILES],
  ...Object.fromEntries(BOUNDARIES.map((boundary) => [boundary, ["spec", "model", ...ROOT_FILES]])),
  spec: ["model", "errors"],
  model: ["errors"],
  ...Object.fromEntries(ROOT_FILES.map((file) => [file, []])),
};

interface Import {
  /** The importing file, below src. */
  readonly file: string;
  /** A file below src, or the name of a package or a built-in module. */
  readonly target: string;
  readonly typeOnly: boolean;
}

const IMPORT =
  /^(?:import|export)(?<type> type)?\s(?<names>[^;"]*?)\s?from "(?<from>[^"]+)"|\bimport\("(?<lazy>[^"]+)"\)|^import "(?<bare>[^"]+)"/gm;

const files = readdirSync(SOURCE, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith(".ts") && !file.includes("generated/"))
  .sort();
const texts = new Map(files.map((file) => [file, readFileSync(join(SOURCE, file), "utf8")]));
const imports = files.flatMap(importsOf);

describe("the architecture", () => {
  it("imports downwards only", () => {
    const upwards = imports.filter(({ file, target }) => {
      const [from, to] = [layerOf(file), layerOf(target)];
      return isOwn(target) && from !== to && !ALLOWED[from]?.includes(to);
    });
    expect(upwards).toEqual([]);
  });

  it("knows every folder of src", () => {
    expect([...new Set(files.map(layerOf))].filter((layer) => !(layer in ALLOWED))).toEqual([]);
  });

  it("keeps oclif in cli", () => {
    expect(importersOf(/^@oclif\//)).toEqual(["cli"]);
  });

  it("keeps undici in registry and tar-stream in archive", () => {
    expect(importersOf(/^undici/)).toEqual(["registry"]);
    expect(importersOf(/^tar-stream/)).toEqual(["archive"]);
  });

  it("keeps generated code in containerd and stdio", () => {
    expect(importersOf(/generated\//)).toEqual(["containerd", "stdio"]);
  });

  it("gives the engine its boundaries by parameter: it imports only their types", () => {
    const values = imports.filter(({ file, target, typeOnly }) => {
      return layerOf(file) === "engine" && BOUNDARIES.some((name) => name === layerOf(target)) && !typeOnly;
    });
    expect(values).toEqual([]);
  });

  it("keeps model and spec pure: of Node they know node:crypto alone, and nothing of the process", () => {
    const pure = (file: string) => ["model", "spec", "errors"].includes(layerOf(file));
    const outside = imports.filter(({ file, target }) => pure(file) && !isOwn(target) && target !== "node:crypto");
    expect(outside).toEqual([]);
    expect(files.filter((file) => pure(file) && /\bprocess\./.test(codeOf(file)))).toEqual([]);
  });

  it("prints and exits in cli, commands and the supervisor's process alone", () => {
    const prints = /\bprocess\.(?:exit\(|exitCode|argv|std(?:in|out|err)\.)|\bconsole\./;
    const talkative = files.filter((file) => prints.test(codeOf(file))).map(layerOf);
    expect(distinct(talkative).filter((layer) => !["cli", "commands", "main", "supervisor"].includes(layer))).toEqual(
      [],
    );
  });

  it("runs programs without a shell between, in an environment of wharf's own choice", () => {
    const starters = files.filter((file) => /["'](?:node:)?child_process["']/.test(codeOf(file)));
    expect(starters.length).toBeGreaterThan(5);
    const careless = starters.flatMap((file) => {
      const code = codeOf(file);
      const [, named = ""] = /import \{([^}]*)\} from "node:child_process"/.exec(code) ?? [];
      const functions = named.split(",").map((name) => name.trim());
      const unknown = functions.filter((name) => !/^(?:spawn|spawnSync|execFile|type \w+)$/.test(name));
      const calls = [...code.matchAll(/(?:\b(?:spawn|spawnSync|execFile)|promisify\(execFile\))\(/g)]
        .map(({ index, 0: { length } }) => argumentsAt(code, index + length))
        // Its options stand in a constant above the call, where they are checked by the next line.
        .filter((words) => words !== "execFile" && !/\benv\b|\boptions\b/.test(words));
      const scripts = [...code.matchAll(/"-c",\s*([^,\]]+)/g)].map(([, script = ""]) => script);
      const composed = scripts.filter((script) => script !== "SCRIPT" || /const SCRIPT = `[^`]*\$\{/.test(code));
      const shells = /\bshell\s*:/.test(code) ? ["shell:"] : [];
      const envless = /\benv\b/.test(code) ? [] : ["no env"];
      return [...unknown, ...calls, ...composed, ...shells, ...envless].map((what) => `${file}: ${what}`);
    });
    expect(careless).toEqual([]);
  });

  it("has no module-level variables", () => {
    expect(files.filter((file) => /^(?:export )?(?:let|var) /m.test(codeOf(file)))).toEqual([]);
  });

  it("has no barrels, and no folders for what belongs nowhere", () => {
    const nowhere = /(?:^|\/)(?:index\.ts$|(?:utils?|helpers?|common|types|misc)(?:\/|\.ts$))/;
    expect(files.filter((file) => nowhere.test(file))).toEqual([]);
  });

  it("has no import cycle", () => {
    expect(findCycles()).toEqual([]);
  });
});

function importsOf(file: string): Import[] {
  return [...(texts.get(file) ?? "").matchAll(IMPORT)].map(({ groups = {} }) => {
    const target = groups.from ?? groups.lazy ?? groups.bare ?? "";
    const typeOnly = groups.type !== undefined || /^\{(?:\s*type [\w ]+,?)+\s*\}$/.test(groups.names ?? "");
    return { file, target: target.startsWith(".") ? normalize(join(dirname(file), target)) : target, typeOnly };
  });
}

/** The text of a call's arguments, from behind its opening parenthesis to the closing one. */
function argumentsAt(code: string, start: number): string {
  let depth = 1;
  let end = start;
  for (; depth > 0 && end < code.length; end++) depth += code[end] === "(" ? 1 : code[end] === ")" ? -1 : 0;
  return code.slice(start, end - 1);
}

/** A file's text without its comments. */
function codeOf(file: string): string {
  return (texts.get(file) ?? "").replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

function layerOf(path: string): string {
  return (path.split("/")[0] ?? "").replace(/\.ts$/, "");
}

/** Whether an import's target is a file of this project. */
function isOwn(target: string): boolean {
  return target.endsWith(".ts");
}

function importersOf(target: RegExp): string[] {
  return distinct(imports.filter((entry) => target.test(entry.target)).map(({ file }) => layerOf(file)));
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

/** Files that reach themselves through imports of values. An import of types alone is none at run time. */
function findCycles(): string[][] {
  const targetsOf = (file: string) =>
    imports.filter((entry) => entry.file === file && isOwn(entry.target) && !entry.typeOnly);
  const finished = new Set<string>();
  const cycles: string[][] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file]);
    if (finished.has(file) || path.includes(file)) return;
    for (const { target } of targetsOf(file)) visit(target, [...path, file]);
    finished.add(file);
  };
  for (const file of files) visit(file, []);
  return cycles;
}
