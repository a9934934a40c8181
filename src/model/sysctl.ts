import { EngineError } from "../errors.ts";
import { splitKeyValue } from "./key-values.ts";

/** Kernel parameters that are a namespace's own, so that a container may set them. */
const IPC_NAMES = new Set([
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
]);
const PREFIXES = ["net.", "fs.mqueue."];

/**
 * Checks a `--sysctl`, `name=value`; only parameters of the network and IPC namespaces pass.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseSysctl(text: string): string {
  const { key, value } = splitKeyValue(text);
  const namespaced = IPC_NAMES.has(key) || PREFIXES.some((prefix) => key.startsWith(prefix));
  if (value !== undefined && namespaced) return text;
  throw new EngineError("invalid-argument", `sysctl '${text}' is not allowed`);
}
