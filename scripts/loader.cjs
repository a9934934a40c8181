// Runs a bundle from the code that V8 compiled when it was built: the command's own, else what all have in common.
// A Node of another version compiles the bundle itself.
const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");

const bundle = `${__dirname}/bundles/BUNDLE`;
const compiled = `${bundle}.${process.version}`;
const [, , word = ""] = process.argv;
const cachedData = (/^[a-z]+$/.test(word) ? read(`${compiled}.${word}`) : undefined) ?? read(compiled);
// The bundle is ASCII: read as Latin-1 it stays one byte a character.
const script = new Script(readFileSync(bundle, "latin1"), { filename: bundle, cachedData });
script.runInThisContext()(exports, require, module, __filename, __dirname, `file://${__filename}`);

function read(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
