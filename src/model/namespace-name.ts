import { EngineError } from "../errors.ts";

/** containerd's identifiers. A namespace becomes part of paths and headers, so it is looked at before containerd does. */
const VALID = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;
const LONGEST = 76;

/** Returns the name of a containerd namespace. @throws EngineError `invalid-argument` for what cannot be one. */
export function parseNamespaceName(text: string): string {
  if (text.length <= LONGEST && VALID.test(text)) return text;
  throw new EngineError("invalid-argument", `invalid namespace ${JSON.stringify(text)}`);
}
