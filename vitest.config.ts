import { defineConfig } from "vitest/config";

/** Folders whose tests start no daemon and touch nothing of the machine but a temporary directory. */
const PURE = ["test/unit/**/*.test.ts", "test/architecture.test.ts"];

export default defineConfig({
  test: {
    // Two files at a time: each of them starts containers, and the machines that run this have two cores.
    maxWorkers: 2,
    pool: "forks",
    teardownTimeout: 60_000,
    projects: [
      { extends: true, test: { name: "unit", include: PURE } },
      {
        extends: true,
        test: {
          name: "host",
          include: ["test/**/*.test.ts"],
          exclude: [...PURE, "test/bench/**"],
          globalSetup: ["test/support/global-setup.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
