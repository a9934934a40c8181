// Runs a bundle from the code that V8 compiled when it was built; any other Node compiles it itself.
const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");
const bundle = `${__dirname}/bundles/BUNDLE`;
let cachedData;
try {
  cachedData = readFileSync(`${bundle}.${process.version}`);
} catch {}
// The bundle is ASCII: read as Latin-1 it stays one byte a character.
const script = new Script(readFileSync(bundle, "latin1"), { filename: bundle, cachedData });
script.runInThisContext()(exports, require, module, __filename, __dirname, `file://${__filename}`);
