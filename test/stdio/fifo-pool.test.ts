import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FifoPool } from "../../src/stdio/fifo.ts";

it("a stock of FIFOs serves as many as ask at once", async () => {
  const directory = await mkdtemp(join(tmpdir(), "wharf-fifos-"));
  try {
    const pool = new FifoPool(join(directory, "stock"));
    const names = Array.from({ length: 100 }, (_, index) => [`${index}-out`, `${index}-err`]);

    await Promise.all(names.map((pair) => pool.place(pair.map((name) => join(directory, name)))));

    await pool.close();
    expect((await readdir(directory)).sort()).toEqual(names.flat().sort());
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
