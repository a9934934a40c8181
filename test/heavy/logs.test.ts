import { testLargeLogs } from "../support/large-log.ts";

testLargeLogs({ lines: 10_000_000, timeoutMs: 1_800_000 });
