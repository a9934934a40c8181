import { testLargeLogs } from "../support/large-log.ts";

// A gigabyte is in test/heavy.
testLargeLogs({ lines: 1_000_000, timeoutMs: 240_000 });
