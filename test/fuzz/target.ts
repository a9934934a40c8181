import type { Random } from "../support/random.ts";
import { mutatedBytes, mutatedJson, mutatedText, wordsWith } from "./mutate.ts";

/** A parser of something that comes from outside, and how inputs for it are made. */
export interface Target {
  readonly name: string;
  /** A new input; the same for the same state of `random`. */
  generate(random: Random): unknown;
  /** Parses, and throws what the parser throws. Throws `Violation` where the result breaks a promise. */
  run(input: never): void | Promise<void>;
  /** True for a failure that the parser documents, beside `EngineError`. */
  allows?(error: unknown): boolean;
}

/** A parser took an input and gave a result that it must not give. */
export class Violation extends Error {}

export function expectThat(condition: boolean, what: string): void {
  if (!condition) throw new Violation(what);
}

interface TextTarget {
  readonly seeds: readonly string[];
  readonly pieces?: readonly string[];
  readonly allows?: (error: unknown) => boolean;
}

export function textTarget(name: string, options: TextTarget, run: (text: string) => void): Target {
  const { seeds, pieces = [], allows } = options;
  const words = wordsWith(pieces);
  return { name, generate: (random) => mutatedText(random, seeds, words), run, ...(allows && { allows }) };
}

interface BytesTarget {
  readonly seeds: readonly Uint8Array[];
  readonly allows?: (error: unknown) => boolean;
}

export function bytesTarget(name: string, options: BytesTarget, run: (bytes: Buffer) => void | Promise<void>): Target {
  const { seeds, allows } = options;
  return { name, generate: (random) => mutatedBytes(random, seeds), run, ...(allows && { allows }) };
}

/** JSON of another shape, and now and then text that is no JSON. */
export function jsonTarget(name: string, seeds: readonly unknown[], run: (text: string) => void): Target {
  const texts = seeds.map((seed) => JSON.stringify(seed));
  const words = wordsWith([]);
  return {
    name,
    generate: (random) => {
      return random.oneIn(4)
        ? mutatedText(random, texts, words)
        : (JSON.stringify(mutatedJson(random, texts)) ?? "null");
    },
    run,
  };
}
