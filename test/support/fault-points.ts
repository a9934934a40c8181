import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), "../../src");

/** A call of `faultPoint` in the source. */
export interface FaultPoint {
  /** `undefined` where it is not a literal. */
  readonly name: string | undefined;
  /** Below src. */
  readonly file: string;
}

/** Every call of `faultPoint` that there is, in the order of the files. */
export function findFaultPoints(): FaultPoint[] {
  const files = readdirSync(SOURCE, { recursive: true }).map(String).sort();
  return files
    .filter((file) => file.endsWith(".ts") && file !== "fault-point.ts" && !file.includes("generated/"))
    .flatMap((file) => {
      const text = readFileSync(join(SOURCE, file), "utf8");
      return [...text.matchAll(/\bfaultPoint\((?:"(?<name>[^"]*)"\))?/g)].map(({ groups }) => ({
        name: groups?.name,
        file,
      }));
    });
}
