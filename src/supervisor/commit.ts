import { pauseContainer, unpauseContainer } from "../engine/containers/pause.ts";
import { resolveContainer } from "../engine/containers/resolve.ts";
import { findTask } from "../engine/containers/stored-container.ts";
import type { Engine } from "../engine/engine.ts";
import { commitContainer } from "../engine/images/commit.ts";
import { EngineError, isEngineError } from "../errors.ts";
import { Reference } from "../model/reference.ts";

export interface ContainerCommit {
  readonly container: string;
  /** `""`: the image gets no name. */
  readonly repository: string;
  readonly tag: string;
  readonly author: string;
  readonly comment: string;
  readonly changes: readonly string[];
  /** Keep the container from writing while its files are read. */
  readonly pause: boolean;
}

/**
 * Makes an image of a container, which stands still meanwhile if that is wished, and runs on afterwards whatever became
 * of the image. Returns the image's ID.
 */
export async function commitAndResume(
  engine: Pick<Engine, "containerd">,
  { container: nameOrId, repository, tag, pause, ...request }: ContainerCommit,
  { signal }: { readonly signal: AbortSignal },
): Promise<string> {
  const reference = referenceOf(repository, tag);
  const container = await resolveContainer(engine, nameOrId, { signal });
  const task = pause ? await findTask(engine, container.id, { signal }) : undefined;
  const isPausedHere = task?.status === "running";
  if (isPausedHere) await pauseContainer(engine, container, { signal });
  try {
    return await commitContainer(engine, { ...request, container, reference }, { signal });
  } finally {
    // Under no signal: the caller may have gone, the container stands still all the same.
    if (isPausedHere) {
      await unpauseContainer(engine, container, { signal: AbortSignal.timeout(RESUME_TIMEOUT_MS) }).catch(unlessGone);
    }
  }
}

const RESUME_TIMEOUT_MS = 30_000;

/** It was killed, or somebody else let it go on. */
function unlessGone(error: unknown): void {
  if (!isEngineError(error, "not-found", "internal")) throw error;
}

function referenceOf(repository: string, tag: string): Reference | undefined {
  if (repository === "") return undefined;
  const named = Reference.parse(repository);
  if (named.digest !== undefined) {
    throw new EngineError("invalid-argument", "refusing to create a tag with a digest reference");
  }
  return tag === "" ? named.withDefaultTag() : named.withTag(tag);
}
