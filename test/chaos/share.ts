import type { Scenario } from "./scenario.ts";

/** `K/N`: the K-th of N shares of the fault points, for those who have not the time for all of them. */
const SHARE = /^([1-9]\d*)\/([1-9]\d*)$/;

/** The scenarios with those of their points that belong to a share; all of them when `text` is empty. */
export function shareOf(scenarios: readonly Scenario[], text = ""): Scenario[] {
  if (text === "") return [...scenarios];
  const [, share = 0, shares = 0] = (SHARE.exec(text) ?? []).map(Number);
  if (!(share >= 1 && share <= shares)) throw new Error(`a share is K/N, not ${JSON.stringify(text)}`);
  let count = 0;
  return scenarios
    .map((scenario) => ({ ...scenario, points: scenario.points.filter(() => count++ % shares === share - 1) }))
    .filter(({ points }) => points.length > 0);
}
