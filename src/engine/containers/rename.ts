import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import { NAME_LABEL } from "../../model/container-record.ts";
import type { Engine } from "../engine.ts";
import type { ContainerNames } from "./names.ts";
import { StoredContainer } from "./stored-container.ts";

/**
 * Gives a container another name, and returns it as it is stored now.
 *
 * @throws EngineError `conflict` when the name is taken; `invalid-argument` when it is malformed, or the same.
 */
export async function renameContainer(
  { containerd, names }: Pick<Engine, "containerd"> & { readonly names: ContainerNames },
  container: StoredContainer,
  newName: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<StoredContainer> {
  if (newName === "") throw new EngineError("invalid-argument", "Neither old nor new names may be empty");
  if (newName.replace(/^\//, "") === container.name) {
    throw new EngineError("invalid-argument", "Renaming a container with the same name as its current name");
  }
  using reservation = await names.reserve(newName, container.id, signal).catch(allocationFailure);
  faultPoint("rename.name-reserved");
  const labels = { [NAME_LABEL]: reservation.name };
  return new StoredContainer(
    await containerd.containers.update({ id: container.id, labels }, [`labels.${NAME_LABEL}`], { signal }),
  );
}

function allocationFailure(error: unknown): never {
  if (!isEngineError(error, "conflict", "invalid-argument")) throw error;
  throw new EngineError(error.code, `Error when allocating new name: ${error.message}`);
}
