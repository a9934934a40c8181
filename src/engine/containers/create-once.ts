import { EngineError, isEngineError } from "../../errors.ts";
import { checkCreateBody } from "./check-create.ts";
import { type CreatedContainer, type CreateEngine, type CreateRequest, createContainer } from "./create.ts";
import { StoredContainer } from "./stored-container.ts";

/** What a container's id looks like, which a client may choose itself. */
const ID = /^[0-9a-f]{64}$/;

/**
 * Makes a container under an id that its client has chosen, once, however often it is asked. A client whose supervisor
 * was killed over a creation cannot know how far that came, and asks the next one: the container that is there is its
 * own, and half of one is taken away and made anew. What else the killed creation left, such as volumes, is found as
 * after any other.
 *
 * @throws EngineError as `createContainer`; `invalid-argument` for what is no id.
 */
export async function createContainerOnce(
  engine: CreateEngine,
  request: CreateRequest & { readonly id: string },
  context: { readonly signal: AbortSignal },
): Promise<CreatedContainer> {
  const { id, body } = request;
  if (!ID.test(id)) throw new EngineError("invalid-argument", `invalid container id: ${JSON.stringify(id)}`);
  try {
    return await createContainer(engine, request, context);
  } catch (error) {
    // Its name is taken, or its snapshot is there: it may be by an earlier attempt.
    if (!isEngineError(error, "conflict", "already-exists")) throw error;
    const container = await findContainer(engine, id, context);
    if (container !== undefined) return { container, warnings: checkCreateBody(body, engine.host) };
    if (error.code === "conflict") throw error;
  }
  await engine.containerd.snapshots.remove(id, context);
  return await createContainer(engine, request, context);
}

async function findContainer(
  { containerd }: CreateEngine,
  id: string,
  context: { readonly signal: AbortSignal },
): Promise<StoredContainer | undefined> {
  try {
    return new StoredContainer(await containerd.containers.get(id, context));
  } catch (error) {
    if (isEngineError(error, "not-found")) return undefined;
    throw error;
  }
}
