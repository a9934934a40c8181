import { testLargeNamespace } from "../support/large-namespace.ts";

testLargeNamespace({ containers: 5_000, labelBytes: 4_000, blobs: 20_000, timeoutMs: 1_800_000 });
