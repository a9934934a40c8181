import { EngineError } from "../errors.ts";
import type { RequestContext } from "./request-context.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
export type Handler = (context: RequestContext) => Promise<void> | void;

interface Route {
  readonly method: Method;
  readonly segments: readonly string[];
  readonly handler: Handler;
}

/**
 * The table of the API's routes. A pattern is a path whose `{name}` segments become parameters:
 * `/containers/{id}/start`. Version prefixes are the server's business and never seen here.
 */
export class Router {
  readonly #routes: Route[] = [];

  route(method: Method, pattern: string, handler: Handler): this {
    this.#routes.push({ method, segments: pattern.split("/"), handler });
    return this;
  }

  /** @throws EngineError `not-found` ("page not found", as docker) if no route matches. */
  find(method: string, path: string): { readonly handler: Handler; readonly params: Record<string, string> } {
    const segments = path.split("/");
    for (const route of this.#routes) {
      if (route.method !== method) continue;
      const params = match(route.segments, segments);
      if (params) return { handler: route.handler, params };
    }
    throw new EngineError("not-found", "page not found");
  }
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (part.startsWith("{")) params[part.slice(1, -1)] = decodeURIComponent(segment);
    else if (part !== segment) return undefined;
  }
  return params;
}
