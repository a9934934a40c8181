// Builds dist/: the command line (wharf.cjs) and the supervisor (supervisor.cjs). Each is a few lines that load one
// bundle, in which a module is evaluated when it is first imported, together with V8's code for it. One file starts
// faster than many, as Node resolves, opens and checks each; and compiling a megabyte of JavaScript takes longer than
// starting Node does.
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { generateCommandFiles } from "./commands.mjs";
import { lazyBuiltins, lazyHttp2, lazyRequires } from "./lazy-requires.mjs";

/** Built-in modules that are not there when Node starts, and that commands can do without. */
const SLOW_BUILTINS = ["child_process", "crypto", "dgram", "fs/promises", "http", "net", "os", "readline", "zlib"];

/** Commands that are worth code of their own; scripts/warm-up.cjs says what is run of each. */
const HOT_COMMANDS = [
  "create",
  "exec",
  "images",
  "inspect",
  "kill",
  "logs",
  "ps",
  "pull",
  "rm",
  "run",
  "start",
  "stop",
  "version",
];

/**
 * What the supervisor's V8 is told: it lives long and mostly sleeps, so small heaps and collecting often are worth more
 * than throughput. With 50 containers it is 76 MB, of which 51 MB are Node's own program.
 */
const SUPERVISOR_NODE_FLAGS = [
  "--max-semi-space-size=1",
  "--optimize-for-size",
  // It says of node:ffi what we know.
  "--disable-warning=ExperimentalWarning",
];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** What V8 is told for a command: by bin/wharf, which starts it. */
const COMMAND_NODE_FLAGS = /^exec "\$node" (--\S+(?: --\S+)*) -- /m
  .exec(readFileSync(join(root, "bin/wharf"), "utf8"))[1]
  .split(" ");
const bundles = join(root, "dist/bundles");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

await generateCommandFiles(root);
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { wharf: "src/main.ts", supervisor: "src/supervisor/main.ts" },
  // V8 does not notice that code was compiled from other source of the same length; a new name for each content does.
  entryNames: "[name]-[hash]",
  outdir: bundles,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  // Names stay readable in stack traces, and cost nothing.
  minifySyntax: true,
  minifyWhitespace: true,
  // `import()` becomes `require`, which needs no module loader of its own.
  supported: { "dynamic-import": false },
  define: {
    WHARF_VERSION: JSON.stringify(version),
    WHARF_COMMIT: JSON.stringify(commit()),
    SUPERVISOR_NODE_FLAGS: JSON.stringify(SUPERVISOR_NODE_FLAGS),
    "import.meta.url": "importMetaUrl",
  },
  banner: { js: "(function(exports,require,module,__filename,__dirname,importMetaUrl){" },
  footer: { js: "})" },
  plugins: [lazyRequires(/node_modules\/@oclif\/core\/lib\//), lazyHttp2(), lazyBuiltins(SLOW_BUILTINS)],
  metafile: true,
  logLevel: "warning",
});
const files = Object.keys(metafile.outputs).map((path) => basename(path));
for (const file of files) await compile(file);
for (const file of files) writeLoader(file);
for (const file of readdirSync(bundles)) {
  if (!files.some((current) => file.startsWith(current))) rmSync(join(bundles, file));
}
rmSync(join(root, "dist/build"), { recursive: true, force: true });
replaceFile(join(root, "dist/metafile.json"), JSON.stringify(metafile));

/** Has every Node that may run the bundle write V8's code for it, beside it. */
async function compile(file) {
  const names = file.startsWith("wharf-") ? ["", ...HOT_COMMANDS] : [""];
  // V8 takes no code that was compiled under other flags.
  const flags = file.startsWith("supervisor-") ? SUPERVISOR_NODE_FLAGS : COMMAND_NODE_FLAGS;
  const jobs = nodes().flatMap((node) => names.map((name) => ({ node, name })));
  const work = async () => {
    for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) {
      const { node, name } = job;
      await promisify(execFile)(node, [...flags, join(root, "scripts/warm-up.cjs"), join(bundles, file), name]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

/** The Node that comes with the npm package, and the one that builds. */
function nodes() {
  const packaged = join(root, `node_modules/node-linux-${process.arch}/bin/node`);
  return [process.execPath, ...(existsSync(packaged) ? [packaged] : [])];
}

/** Writes dist/wharf.cjs or dist/supervisor.cjs, which loads the bundle. */
function writeLoader(file) {
  const text = readFileSync(join(root, "scripts/loader.cjs"), "utf8").replace("BUNDLE", file);
  replaceFile(join(root, "dist", `${file.replace(/-[^-]+$/, "")}.cjs`), text);
}

/** A process that starts just now sees the old file or the new one. */
function replaceFile(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}

/** The commit that is built; nothing where there is no git. */
function commit() {
  const { stdout } = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" });
  return stdout?.trim() ?? "";
}
