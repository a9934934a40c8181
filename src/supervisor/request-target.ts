import { EngineError } from "../errors.ts";

/** A request's path, as it was sent, and its query. */
export interface RequestTarget {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** A segment that stands for another place than its own, whether or not its dots are written in hex. */
const DOT_SEGMENT = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;

/**
 * Takes a request's target apart. Nothing is resolved on the way: a path that would have to be is refused, so that no
 * two readers of it come to different places.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseRequestTarget(text: string): RequestTarget {
  // Clients that speak to a proxy send the host along.
  const local = text.replace(/^https?:\/\/[^/?#]*/i, "");
  const [path = "", query = ""] = (local.split("#", 1)[0] ?? "").split(/\?(.*)/s, 2);
  if (!path.startsWith("/") || DOT_SEGMENT.test(path)) {
    throw new EngineError("invalid-argument", `invalid path: ${JSON.stringify(path.slice(0, 100))}`);
  }
  return { path, query: new URLSearchParams(query) };
}
