import { describe, expect, it } from "vitest";
import { Turns } from "../../../../src/engine/images/turns.ts";

/** Takes a turn for each rank, all while the first one is busy, and returns the ranks in the order of their turns. */
async function order(turns: Turns, ranks: readonly number[]): Promise<number[]> {
  const taken: number[] = [];
  const { promise: othersWait, resolve: endFirst } = withResolvers();
  const first = turns.take(0, () => othersWait);
  const others = ranks.map((rank) => turns.take(rank, async () => void taken.push(rank)));
  endFirst();
  await Promise.all([first, ...others]);
  return taken;
}

describe("turns", () => {
  it("go to the lowest rank of those that wait", async () => {
    expect(await order(new Turns(), [3, 1, 2])).toEqual([1, 2, 3]);
  });

  it("go to the same task again when it asks before others have their chance", async () => {
    const turns = new Turns();
    const taken: string[] = [];
    const work = async (name: string, rank: number): Promise<void> => {
      for (let count = 0; count < 3; count++) await turns.take(rank, async () => void taken.push(name));
    };

    await Promise.all([work("low", 0), work("high", 1)]);

    expect(taken).toEqual(["low", "low", "low", "high", "high", "high"]);
  });

  it("go to whoever waits longest once patience is at its end", async () => {
    expect(await order(new Turns(-1), [3, 1, 2])).toEqual([3, 1, 2]);
  });

  it("never overlap", async () => {
    const turns = new Turns();
    let running = 0;
    let most = 0;
    const task = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
    };

    await Promise.all([0, 0, 1, 1, 2].map((rank) => turns.take(rank, task)));

    expect(most).toBe(1);
  });

  it("go on after a task that failed", async () => {
    const turns = new Turns();
    const failure = turns.take(0, async () => {
      throw new Error("lost");
    });

    await expect(failure).rejects.toThrow("lost");
    expect(await turns.take(1, async () => "done")).toBe("done");
  });
});

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
