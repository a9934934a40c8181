// Builds dist/: the command line (wharf.cjs) and the supervisor (supervisor.cjs), each one file in which a module is
// evaluated when it is first imported. One file starts faster than many: Node resolves, opens and checks each.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { allowMissing } from "./allow-missing.mjs";
import { generateCommandFiles } from "./commands.mjs";
import { lazyRequires } from "./lazy-requires.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

await generateCommandFiles(root);
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    wharf: "src/main.ts",
    ...(existsSync("src/supervisor/main.ts") && { supervisor: "src/supervisor/main.ts" }),
  },
  outdir: "dist",
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minify: true,
  keepNames: true,
  metafile: true,
  define: {
    WHARF_VERSION: JSON.stringify(version),
    WHARF_COMMIT: JSON.stringify(commit()),
    "import.meta.url": "importMetaUrl",
  },
  banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
  plugins: [allowMissing, lazyRequires(/node_modules\/@oclif\/core\/lib\//)],
  logLevel: "warning",
});
rmSync(join(root, "dist/build"), { recursive: true, force: true });
writeFileSync(join(root, "dist/metafile.json"), JSON.stringify(metafile));

/** The commit that is built; nothing where there is no git. */
function commit() {
  const { stdout } = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" });
  return stdout?.trim() ?? "";
}
