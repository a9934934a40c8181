// Compiles wasm/ into src/stdio/generated, a module of text for each: WebAssembly is what runs, AssemblyScript what is
// read. The compiler takes seconds, so what has not changed since is left alone.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "wasm/encode-lines.ts");
const generated = join(root, "src/stdio/generated/encode-lines.ts");
/** 64 KiB each: what the lines need, and the 75-fold that lines of nothing become, 16 KiB of them. */
const PAGES = "32";
const FLAGS = ["-O3", "--runtime", "stub", "--enable", "simd", "--noAssert"];

const flags = [...FLAGS, "--initialMemory", PAGES, "--maximumMemory", PAGES];
const text = readFileSync(source, "utf8");
const mark = `// ${createHash("sha256")
  .update(JSON.stringify([text, flags]))
  .digest("hex")}`;
if (!existsSync(generated) || !readFileSync(generated, "utf8").startsWith(mark)) await compile();

async function compile() {
  const { default: asc } = await import("assemblyscript/asc");
  let binary;
  const { error, stderr } = await asc.main(["encode-lines.ts", ...flags, "--outFile", "out.wasm"], {
    readFile: (name) => (name === "encode-lines.ts" ? text : null),
    writeFile: (_name, contents) => {
      binary = contents;
    },
  });
  if (error) throw new Error(`${source}: ${stderr}`, { cause: error });
  mkdirSync(dirname(generated), { recursive: true });
  const base64 = Buffer.from(binary).toString("base64");
  writeFileSync(generated, `${mark}\nexport const ENCODE_LINES_WASM =\n  "${base64}";\n`);
}
