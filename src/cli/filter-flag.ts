import { EngineError } from "../errors.ts";
import { Flags } from "./parameters.ts";

/** A word of `--filter`: `name=value`. */
const filterWord = Flags.of((text) => {
  if (text === "" || text.includes("=")) return text;
  throw new EngineError("invalid-argument", "bad format of filter (expected name=value)");
});

/** docker's `--filter`, given any number of times. `Filters.parse` reads the words. */
export function filterFlag(summary: string) {
  return filterWord({ char: "f", multiple: true, helpValue: "filter", summary });
}
