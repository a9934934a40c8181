import { EngineError } from "../../errors.ts";
import { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { recordImage } from "./record.ts";
import { resolveImage } from "./resolve.ts";

export interface TagRequest {
  /** A reference or an ID. */
  readonly source: string;
  readonly target: string;
}

/**
 * Gives an image one more name, which it takes from another image if need be.
 *
 * @throws EngineError `not-found` when there is no such source; `invalid-argument` for a malformed target.
 */
export async function tagImage(
  engine: Pick<Engine, "containerd">,
  { source, target }: TagRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const name = parseTarget(target);
  const image = await resolveImage(engine, source, { signal });
  await recordImage(engine, { name: name.toString(), target: image.record.target }, { signal });
}

function parseTarget(text: string): Reference {
  const reference = parse(text);
  if (reference.digest !== undefined) {
    throw new EngineError("invalid-argument", "refusing to create a tag with a digest reference");
  }
  return reference.withDefaultTag();
}

function parse(text: string): Reference {
  try {
    return Reference.parse(text);
  } catch (cause) {
    const reason = (cause as Error).message;
    const message = `Error parsing reference: ${JSON.stringify(text)} is not a valid repository/tag: ${reason}`;
    throw new EngineError("invalid-argument", message, { cause });
  }
}
