import { describe, expect, it } from "vitest";
import { limitConcurrency, runTogether } from "../../../../src/engine/images/concurrency.ts";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe("limitConcurrency", () => {
  it("never runs more than it may, keeps the order, and goes on after a failure", async () => {
    const limit = limitConcurrency(2);
    const started: number[] = [];
    let running = 0;
    let most = 0;
    const tasks = [0, 1, 2, 3, 4].map((number) =>
      limit(async () => {
        started.push(number);
        most = Math.max(most, ++running);
        await nextTurn();
        running--;
        if (number === 1) throw new Error("one");
        return number;
      }),
    );

    expect(await Promise.allSettled(tasks)).toMatchObject([
      { value: 0 },
      { reason: { message: "one" } },
      { value: 2 },
      { value: 3 },
      { value: 4 },
    ]);
    expect(started).toEqual([0, 1, 2, 3, 4]);
    expect(most).toBe(2);
  });
});

describe("runTogether", () => {
  it("throws the first failure when all have come to rest", async () => {
    const ended: string[] = [];
    const together = runTogether(new AbortController().signal, (signal) => [
      Promise.reject(new Error("first")),
      (async () => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        await nextTurn();
        ended.push("second");
        throw new Error("second");
      })(),
    ]);

    await expect(together).rejects.toThrow("first");
    expect(ended).toEqual(["second"]);
  });
});
