import type { Target } from "./target.ts";
import { DOCUMENT_TARGETS } from "./targets/documents.ts";
import { VALUE_TARGETS } from "./targets/values.ts";
import { WIRE_TARGETS } from "./targets/wire.ts";

/** Every parser of what comes from outside. */
export const TARGETS: readonly Target[] = [...VALUE_TARGETS, ...DOCUMENT_TARGETS, ...WIRE_TARGETS];
