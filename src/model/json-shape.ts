import { EngineError } from "../errors.ts";

/**
 * Says what a piece of JSON has to look like, and returns it as that. Registries, archives, clients of the API and files
 * of other programs can hold anything: what passes here may be used as its type says, and what does not is a message
 * instead of a TypeError somewhere later. `path` names the piece: `HostConfig.Memory`.
 */
export type Shape<T> = (value: unknown, path: string) => T;

/** The type that a shape stands for. */
export type Shaped<S> = S extends Shape<infer T> ? T : never;

/** Deeper JSON is nobody's, and more than recursive code takes. */
const MAX_DEPTH = 200;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** The value has another shape; becomes an `EngineError` that also says in what. */
class WrongShape extends Error {}

/**
 * Parses JSON text.
 *
 * @throws EngineError `invalid-argument`, `<what>: <reason>`. The reason quotes nothing: what is malformed may be secret.
 */
export function parseJson(text: string, what: string): unknown {
  if (depthOf(text) > MAX_DEPTH) throw new EngineError("invalid-argument", `${what}: it is nested too deeply`);
  try {
    return JSON.parse(text);
  } catch {
    throw new EngineError("invalid-argument", `${what}: it is not valid JSON`);
  }
}

/** Parses JSON text of a known shape. @throws EngineError `invalid-argument`, `<what>: <reason>`. */
export function parseShaped<T>(text: string, shape: Shape<T>, what: string): T {
  return checkShape(parseJson(text, what), shape, what);
}

/** Returns the value as the shape's type. @throws EngineError `invalid-argument`, `<what>: <reason>`. */
export function checkShape<T>(value: unknown, shape: Shape<T>, what: string): T {
  try {
    return shape(value, "");
  } catch (error) {
    if (!(error instanceof WrongShape)) throw error;
    throw new EngineError("invalid-argument", `${what}: ${error.message}`);
  }
}

export const string: Shape<string> = (value, path) =>
  typeof value === "string" ? value : wrong(value, path, "a string");

export const boolean: Shape<boolean> = (value, path) =>
  typeof value === "boolean" ? value : wrong(value, path, "true or false");

export const number: Shape<number> = (value, path) =>
  typeof value === "number" ? value : wrong(value, path, "a number");

export const integer: Shape<number> = (value, path) =>
  typeof value === "number" && Number.isInteger(value) ? value : wrong(value, path, "a whole number");

/** Anything at all, for what is only handed on. */
export const anything: Shape<unknown> = (value) => value;

/** The shape, or absent. An explicit null counts as absent, as it does to Go. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value, path) => (value === undefined || value === null ? undefined : shape(value, path));
}

/** The shape, or what stands for an absent value. */
export function otherwise<T>(shape: Shape<T>, fallback: T): Shape<T> {
  return (value, path) => (value === undefined || value === null ? fallback : shape(value, path));
}

export function list<T>(shape: Shape<T>): Shape<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) return wrong(value, path, "a list");
    return value.map((member: unknown, index) => shape(member, `${path}[${index}]`));
  };
}

/** An object that is used as a map: any names, one shape. */
export function mapOf<T>(shape: Shape<T>): Shape<Record<string, T>> {
  return (value, path) => {
    const entries = Object.entries(objectOf(value, path));
    return Object.fromEntries(entries.map(([name, member]) => [name, shape(member, join(path, name))]));
  };
}

type Members = Readonly<Record<string, Shape<unknown>>>;

/** Those members whose shape takes an absent value are optional ones. */
type ObjectOf<M extends Members> = {
  [K in keyof M as undefined extends Shaped<M[K]> ? never : K]: Shaped<M[K]>;
} & { [K in keyof M as undefined extends Shaped<M[K]> ? K : never]?: Exclude<Shaped<M[K]>, undefined> };

/** An object with these members. Others are left out: they are not checked, so nobody may come to use them. */
export function object<M extends Members>(members: M): Shape<ObjectOf<M>> {
  return (value, path) => {
    const found = objectOf(value, path);
    const checked = Object.entries(members).map(([name, shape]) => {
      return [name, shape(Object.hasOwn(found, name) ? found[name] : undefined, join(path, name))];
    });
    return Object.fromEntries(checked.filter(([, member]) => member !== undefined)) as ObjectOf<M>;
  };
}

function objectOf(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return wrong(value, path, "an object");
  return value as Record<string, unknown>;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function wrong(value: unknown, path: string, expected: string): never {
  const name = path === "" ? "it" : path;
  throw new WrongShape(value === undefined ? `${name} is missing` : `${name} is not ${expected}`);
}

/** How many objects and lists stand one in the other, at most. Reads beyond what is malformed, which is found later. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (quoted) {
      if (code === BACKSLASH) index++;
      else if (code === QUOTE) quoted = false;
    } else if (code === QUOTE) quoted = true;
    else if (OPENING.has(code)) deepest = Math.max(deepest, ++depth);
    else if (CLOSING.has(code)) depth--;
  }
  return deepest;
}
