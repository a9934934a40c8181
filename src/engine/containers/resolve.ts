import { EngineError } from "../../errors.ts";
import { NAME_LABEL } from "../../model/container-record.ts";
import type { Engine } from "../engine.ts";
import { StoredContainer } from "./stored-container.ts";

/** What a person may call a container by: containerd's ids and docker's names share this alphabet. */
const REFERABLE = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/**
 * Finds a container by full id, name or unique id prefix, in this order and in one round trip.
 *
 * @throws EngineError `not-found`; `invalid-argument` when several ids begin with `nameOrId`.
 */
export async function resolveContainer(
  { containerd }: Pick<Engine, "containerd">,
  nameOrId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<StoredContainer> {
  const wanted = nameOrId.replace(/^\//, "");
  if (!REFERABLE.test(wanted)) throw noSuchContainer(nameOrId);
  const prefix = wanted.replaceAll(".", "\\.");
  const candidates = await containerd.containers.list([`labels."${NAME_LABEL}"=="${wanted}"`, `id~="^${prefix}"`], {
    signal,
  });
  const exact =
    candidates.find((info) => info.id === wanted) ?? candidates.find((info) => info.labels[NAME_LABEL] === wanted);
  if (exact !== undefined) return new StoredContainer(exact);
  const [match, other] = candidates;
  if (match === undefined) throw noSuchContainer(nameOrId);
  if (other !== undefined) {
    throw new EngineError("invalid-argument", `multiple IDs found with provided prefix: ${nameOrId}`);
  }
  return new StoredContainer(match);
}

export function noSuchContainer(nameOrId: string): EngineError {
  return new EngineError("not-found", `No such container: ${nameOrId}`);
}
