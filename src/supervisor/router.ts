import { EngineError } from "../errors.ts";
import type { RequestContext } from "./request-context.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
export type Handler = (context: RequestContext) => Promise<void> | void;

export interface RouteOptions {
  /** Answered at once, whether containerd runs and the namespace has been taken up or not. */
  readonly always?: boolean;
}

interface Route extends RouteOptions {
  readonly method: Method;
  readonly segments: readonly string[];
  readonly handler: Handler;
}

/** The route of a call, with the values of its pattern's parameters. */
export interface FoundRoute {
  readonly handler: Handler;
  readonly params: Readonly<Record<string, string>>;
  readonly always: boolean;
}

/**
 * The table of the API's routes. A pattern is a path whose `{name}` segments become parameters:
 * `/containers/{id}/start`; `{name...}` takes as many segments as are there. Version prefixes are the server's business and never seen here.
 */
export class Router {
  readonly #routes: Route[] = [];

  route(method: Method, pattern: string, handler: Handler, options: RouteOptions = {}): this {
    this.#routes.push({ ...options, method, segments: pattern.split("/"), handler });
    return this;
  }

  /** @throws EngineError `not-found` ("page not found", as docker) if no route matches. */
  find(method: string, path: string): FoundRoute {
    const segments = path.split("/");
    for (const route of this.#routes) {
      if (route.method !== method) continue;
      const params = match(route.segments, segments);
      if (params) return { handler: route.handler, params, always: route.always ?? false };
    }
    throw new EngineError("not-found", "page not found");
  }
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const surplus = segments.length - pattern.length;
  const open = pattern.findIndex((part) => part.endsWith("...}"));
  if (open === -1 ? surplus !== 0 : surplus < 0) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const from = open !== -1 && index > open ? index + surplus : index;
    const text = index === open ? segments.slice(from, from + surplus + 1).join("/") : (segments[from] ?? "");
    if (part.startsWith("{")) params[part.replace(/^\{|(\.{3})?\}$/g, "")] = decodeSegment(text);
    else if (part !== text) return undefined;
  }
  return params;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new EngineError("invalid-argument", `invalid path: ${segment}`, { cause });
  }
}
