import { readFile } from "node:fs/promises";

/**
 * An esbuild plugin that lets CommonJS modules load what they require when they first use it. oclif's parser names its
 * colours, tables, help and configuration at the top of its files and needs them only to complain; loading them takes
 * 16 ms. It relies on the form that TypeScript emits: `const name_1 = require("…")`, used as `name_1.member`.
 *
 * @param {RegExp} files the modules to change
 * @returns {import("esbuild").Plugin}
 */
export function lazyRequires(files) {
  return {
    name: "lazy-requires",
    setup(build) {
      build.onLoad({ filter: files }, async ({ path }) => {
        if (!path.endsWith(".js")) return undefined;
        return { contents: makeLazy(await readFile(path, "utf8")), loader: "js" };
      });
    },
  };
}

const TOP_LEVEL_REQUIRE = /^const (\w+_\d+) = ((?:__importDefault|__importStar)?\(?require\("[^"]+"\)\)?);$/gm;

function makeLazy(source) {
  let lazy = source;
  for (const [statement, name, load] of source.matchAll(TOP_LEVEL_REQUIRE)) {
    const loaded = `(${name} ??= ${load})`;
    lazy = lazy.replace(statement, "").replaceAll(new RegExp(`\\b${name}(?=\\.)`, "g"), loaded);
    lazy = lazy.replace(/^("use strict";\n)?/, `$1let ${name};\n`);
  }
  return lazy;
}

/**
 * An esbuild plugin that loads built-in modules when something of them is first used. Node has a few ready when it
 * starts; each of the others takes milliseconds, and most commands use none of what their modules import of them.
 *
 * @param {readonly string[]} names without `node:`
 * @returns {import("esbuild").Plugin}
 */
export function lazyBuiltins(names) {
  return {
    name: "lazy-builtins",
    setup(build) {
      const filter = new RegExp(`^node:(?:${names.join("|")})$`);
      build.onResolve({ filter }, ({ path, namespace }) => {
        return namespace === LAZY ? { path, external: true } : { path, namespace: LAZY };
      });
      build.onLoad({ filter: /.*/, namespace: LAZY }, async ({ path }) => {
        const members = Object.keys(await import(path)).filter((name) => name !== "default");
        const getters = members.map((name) => `get ${name}() { return require(${JSON.stringify(path)}).${name}; }`);
        return { contents: `module.exports = { ${getters.join(", ")} };`, loader: "js" };
      });
    },
  };
}

const LAZY = "lazy-builtin";

/**
 * An esbuild plugin for undici, which loads Node's HTTP/2 and TLS for every client. wharf speaks HTTP/1.1 to registries,
 * and plain HTTP to those on loopback: the parts are loaded by the first connection that wants them, which saves 25 ms.
 *
 * @returns {import("esbuild").Plugin}
 */
export function lazyHttp2() {
  const statement = /const connectH2 = require\(('[^']+')\)/;
  return {
    name: "lazy-http2",
    setup(build) {
      build.onLoad({ filter: /node_modules\/undici\/lib\/dispatcher\/client\.js$/ }, async ({ path }) => {
        const source = await readFile(path, "utf8");
        if (!statement.test(source)) throw new Error(`${path} does not load HTTP/2 as it did`);
        return {
          contents: source.replace(statement, "const connectH2 = (...args) => require($1)(...args)"),
          loader: "js",
        };
      });
    },
  };
}
