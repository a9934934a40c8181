// Counts what the files of test/chaos have reported, a line of JSON for each kill that was survived.
import { readFileSync } from "node:fs";

const [, , path] = process.argv;
const survivals = readFileSync(path, "utf8").split("\n").filter(Boolean).map(JSON.parse);
const points = survivals.filter(({ at }) => /^[a-z]+(?:-[a-z]+)*\.[a-z-]+$/.test(at));
const victims = new Map();
for (const { killed } of survivals) victims.set(killed, (victims.get(killed) ?? 0) + 1);
const counts = [...victims].map(([killed, count]) => `the ${killed} ${count}`);
console.log(
  `chaos: ${survivals.length} kills came through (${counts.join(", ")}), ${points.length} of them at fault points`,
);
