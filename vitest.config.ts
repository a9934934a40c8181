import { defineConfig } from "vitest/config";

/** Folders whose tests start no daemon and touch nothing of the machine but a temporary directory. */
const PURE = ["test/unit/**/*.test.ts", "test/fuzz/**/*.test.ts", "test/architecture.test.ts"];

/** Folders whose tests meet the machine and a registry, and no containerd: on which one they run makes no difference. */
const LOCAL = [
  "test/registry/**/*.test.ts",
  "test/stdio/**/*.test.ts",
  "test/store/**/*.test.ts",
  "test/security/{private-directory,registry-credentials}.test.ts",
];

/** Folders whose tests change and compare what all others share: interfaces and firewall rules. They run alone. */
const NETWORK = ["test/cni/**/*.test.ts", "test/leaks/**/*.test.ts"];

/** Folders whose tests kill processes: `npm run test:chaos`, not in CI. */
const CHAOS = ["test/chaos/**/*.test.ts"];

/** Folders whose tests need minutes and gigabytes: `npm run test:heavy`, not in CI, which has the same with smaller sizes. */
const HEAVY = ["test/heavy/**/*.test.ts"];

export default defineConfig({
  test: {
    // Two files at a time: each of them starts containers, and the machines that run this have two cores.
    maxWorkers: 2,
    pool: "forks",
    // Against a test that hangs; how long a test takes on a busy machine says nothing.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    projects: [
      // Pure values take no time; a machine that does much else beside does.
      { extends: true, test: { name: "unit", include: PURE, testTimeout: 60_000 } },
      { extends: true, test: { name: "local", include: LOCAL } },
      {
        extends: true,
        test: {
          name: "network",
          include: NETWORK,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "chaos",
          include: CHAOS,
          // Each compares the host's interfaces and firewall rules before and after.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: {
          name: "heavy",
          include: HEAVY,
          globalSetup: ["test/support/global-setup.ts"],
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          hookTimeout: 1_800_000,
        },
      },
      {
        extends: true,
        test: {
          name: "host",
          include: ["test/**/*.test.ts"],
          exclude: [...PURE, ...LOCAL, ...NETWORK, ...CHAOS, ...HEAVY, "test/bench/**"],
          globalSetup: ["test/support/global-setup.ts"],
        },
      },
    ],
  },
});
