import { stringifyExact } from "../model/json.ts";
import type { Any } from "./generated/google/protobuf/any.ts";

/** Type URLs of the OCI documents that containerd passes around as JSON in an Any. */
export const SPEC_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
export const PROCESS_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Process";
export const RESOURCES_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Packs a value as JSON. */
export function packJson(typeUrl: string, value: unknown): Any {
  return { typeUrl, value: encoder.encode(stringifyExact(value)) };
}

/** The value of an Any that holds JSON; `undefined` for an Any that is absent, empty, or holds something else. */
export function unpackJson(any: Any | undefined): unknown {
  if (!any || any.value.length === 0) return undefined;
  try {
    return JSON.parse(decoder.decode(any.value)) as unknown;
  } catch {
    return undefined;
  }
}

/** An Any's type without the part that says who defines it: `containerd.events.TaskExit`. */
export function typeNameOf(any: Any): string {
  return any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);
}
