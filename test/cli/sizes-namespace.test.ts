import { testLargeNamespace } from "../support/large-namespace.ts";

// 5,000 containers and 20,000 blobs are in test/heavy.
testLargeNamespace({ containers: 60, labelBytes: 125_000, blobs: 300, timeoutMs: 240_000 });
