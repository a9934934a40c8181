import { describe, expect, it } from "vitest";
import { campaign } from "./campaign.ts";
import { TARGETS } from "./targets.ts";

// A small part of what `npm run test:fuzz` does: the same inputs each time, and others each time.
const INPUTS = 100;
const SEED = 1;
const randomSeed = Date.now() % 2 ** 31;
console.log(`fuzzing with the seed ${randomSeed}`);

describe.each(TARGETS.map((target) => [target.name, target] as const))("the parser of %s", (_, target) => {
  it.each([SEED, randomSeed])("takes anything well (seed %i)", async (seed) => {
    expect(await campaign(target, { seed, inputs: INPUTS })).toEqual([]);
  });
});
