import { sprint, sprintf, sprintln } from "./go-format.ts";
import { toGoJson } from "./go-json.ts";
import { elementsOf, isTrue, kindOf, NO_VALUE, numberOf, TypedNil, typeNameOf } from "./go-value.ts";

/** What an argument must be: Go's parameter types, as far as functions here have them. */
export type ParameterType = "any" | "string" | "int" | "[]string";

/** A function that templates may call. */
export interface TemplateFunction {
  readonly parameters: readonly ParameterType[];
  /** The last parameter takes any number of arguments. */
  readonly variadic?: boolean;
  call(...args: readonly never[]): unknown;
}

/** A failure of a function, reported as `error calling NAME: …`. */
export class FunctionError extends Error {
  override readonly name = "FunctionError";
}

type FunctionTable = Readonly<Record<string, TemplateFunction>>;

/** text/template's own functions; `and` and `or` are the evaluator's, as they do not evaluate all they are given. */
const GO_FUNCTIONS: FunctionTable = {
  call: { parameters: ["any", "any"], variadic: true, call: callFunction },
  eq: { parameters: ["any", "any"], variadic: true, call: equalsAny },
  ge: comparison((order) => order >= 0),
  gt: comparison((order) => order > 0),
  html: { parameters: ["any"], variadic: true, call: (...args: unknown[]) => escapeHtml(evaluateArguments(args)) },
  index: {
    parameters: ["any", "any"],
    variadic: true,
    call: (item: unknown, ...keys: unknown[]) => keys.reduce(elementAt, item),
  },
  js: { parameters: ["any"], variadic: true, call: (...args: unknown[]) => escapeJavaScript(evaluateArguments(args)) },
  le: comparison((order) => order <= 0),
  len: { parameters: ["any"], call: lengthOf },
  lt: comparison((order) => order < 0),
  ne: { parameters: ["any", "any"], call: (a: unknown, b: unknown) => !equals(a, b) },
  not: { parameters: ["any"], call: (value: unknown) => !isTrue(value) },
  print: { parameters: ["any"], variadic: true, call: (...args: unknown[]) => sprint(args) },
  printf: {
    parameters: ["string", "any"],
    variadic: true,
    call: (format: string, ...args: unknown[]) => sprintf(format, args),
  },
  println: { parameters: ["any"], variadic: true, call: (...args: unknown[]) => sprintln(args) },
  slice: { parameters: ["any", "any"], variadic: true, call: sliceOf },
  urlquery: { parameters: ["any"], variadic: true, call: (...args: unknown[]) => escapeQuery(evaluateArguments(args)) },
};

/** What docker adds. */
const DOCKER_FUNCTIONS: FunctionTable = {
  join: {
    parameters: ["[]string", "string"],
    call: (list: unknown, separator: string) => elementsOf(list).join(separator),
  },
  json: { parameters: ["any"], call: toGoJson },
  lower: { parameters: ["string"], call: (text: string) => text.toLowerCase() },
  pad: { parameters: ["string", "int", "int"], call: padWithSpace },
  split: { parameters: ["string", "string"], call: (text: string, separator: string) => text.split(separator) },
  title: { parameters: ["string"], call: titleCase },
  truncate: { parameters: ["string", "int"], call: truncate },
  upper: { parameters: ["string"], call: (text: string) => text.toUpperCase() },
};

/** The functions of docker's templates. */
export const TEMPLATE_FUNCTIONS: FunctionTable = { ...GO_FUNCTIONS, ...DOCKER_FUNCTIONS };

const keepText: TemplateFunction = { parameters: ["string"], call: (text: string) => text };

/** The same names for the header of a table, where most leave the text alone. */
export const HEADER_FUNCTIONS: FunctionTable = {
  ...TEMPLATE_FUNCTIONS,
  join: { parameters: ["string", "string"], call: (text: string) => text },
  json: keepText,
  lower: keepText,
  split: { parameters: ["string", "string"], call: (text: string) => text },
  title: keepText,
  truncate: { parameters: ["string", "int"], call: (text: string) => text },
  upper: keepText,
};

function callFunction(callee: unknown, ...args: unknown[]): unknown {
  if (kindOf(callee) === "nil") throw new FunctionError("call of nil");
  if (typeof callee !== "function") throw new FunctionError(`non-function of type ${typeNameOf(callee)}`);
  return callee(...args);
}

function comparison(holds: (order: number) => boolean): TemplateFunction {
  return { parameters: ["any", "any"], call: (a: unknown, b: unknown) => holds(compare(a, b)) };
}

function equalsAny(value: unknown, ...others: unknown[]): boolean {
  if (others.length === 0) throw new FunctionError("missing argument for comparison");
  return others.some((other) => equals(value, other));
}

const BASIC_KINDS = new Set(["bool", "int", "float", "string"]);

function equals(a: unknown, b: unknown): boolean {
  const kinds = [kindOf(a), kindOf(b)] as const;
  if (kinds.includes("nil")) return kinds[0] === kinds[1];
  for (const [kind, value] of [
    [kinds[0], a],
    [kinds[1], b],
  ] as const) {
    if (!BASIC_KINDS.has(kind)) throw new FunctionError(`non-comparable type ${sprint([value])}: ${typeNameOf(value)}`);
  }
  if (kinds[0] !== kinds[1]) throw incompatible(a, b);
  return kinds[0] === "int" || kinds[0] === "float" ? numberOf(a) === numberOf(b) : a === b;
}

function compare(a: unknown, b: unknown): number {
  const kind = kindOf(a);
  for (const value of [a, b]) {
    if (!BASIC_KINDS.has(kindOf(value))) throw new FunctionError("invalid type for comparison");
  }
  if (kind !== kindOf(b)) throw incompatible(a, b);
  if (kind === "bool") throw new FunctionError("invalid type for comparison");
  if (kind === "string") return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
  return numberOf(a) - numberOf(b);
}

function incompatible(a: unknown, b: unknown): FunctionError {
  return new FunctionError(`incompatible types for comparison: ${typeNameOf(a)} and ${typeNameOf(b)}`);
}

function elementAt(item: unknown, key: unknown): unknown {
  switch (kindOf(item)) {
    case "map":
      return mapElement(item, key);
    case "list":
      return elementsOf(item)[checkedIndex(key, elementsOf(item).length)];
    case "string":
      return Buffer.from(String(item))[checkedIndex(key, Buffer.byteLength(String(item)))];
    case "nil":
      throw new FunctionError(item instanceof TypedNil ? "index of nil pointer" : "index of untyped nil");
    default:
      throw new FunctionError(`can't index item of type ${typeNameOf(item)}`);
  }
}

/** The element, or the zero value of the map's element type, which the map's other elements tell. */
function mapElement(map: unknown, key: unknown): unknown {
  if (kindOf(key) !== "string") throw new FunctionError(`value has type ${typeNameOf(key)}; should be string`);
  if (!(map instanceof Map)) return "";
  if (map.has(key)) return map.get(key);
  const [sample] = map.values();
  return sample === undefined || kindOf(sample) === "string" ? "" : zeroOf(kindOf(sample));
}

function zeroOf(kind: ReturnType<typeof kindOf>): unknown {
  const zeros: Partial<Record<typeof kind, unknown>> = { bool: false, int: 0, list: TypedNil.list, map: TypedNil.map };
  return zeros[kind] ?? NO_VALUE;
}

function checkedIndex(key: unknown, length: number): number {
  if (kindOf(key) === "nil") throw new FunctionError("cannot index slice/array with nil");
  if (kindOf(key) !== "int") throw new FunctionError(`cannot index slice/array with type ${typeNameOf(key)}`);
  const index = numberOf(key);
  if (index < 0 || index >= length) throw new FunctionError(`index out of range: ${index}`);
  return index;
}

function sliceOf(item: unknown, ...bounds: unknown[]): unknown {
  const kind = kindOf(item);
  if (kind === "nil") throw new FunctionError("slice of untyped nil");
  if (bounds.length > 3) throw new FunctionError(`too many slice indexes: ${bounds.length}`);
  if (kind !== "string" && kind !== "list") throw new FunctionError(`can't slice item of type ${typeNameOf(item)}`);
  if (kind === "string" && bounds.length === 3) throw new FunctionError("cannot 3-index slice a string");
  const sequence = kind === "string" ? Buffer.from(String(item)) : elementsOf(item);
  const indexes = bounds.map((bound) => checkedIndex(bound, sequence.length + 1));
  const [from = 0, to = sequence.length, capacity = sequence.length] = indexes;
  if (from > to) throw new FunctionError(`invalid slice index: ${from} > ${to}`);
  if (to > capacity) throw new FunctionError(`invalid slice index: ${to} > ${capacity}`);
  const slice = sequence.slice(from, to);
  return Buffer.isBuffer(slice) ? slice.toString() : slice;
}

function lengthOf(value: unknown): number {
  switch (kindOf(value)) {
    case "string":
      return Buffer.byteLength(String(value));
    case "list":
      return elementsOf(value).length;
    case "map":
      return value instanceof Map ? value.size : 0;
    case "nil":
      throw new FunctionError(value instanceof TypedNil ? "len of nil pointer" : "len of untyped nil");
    default:
      throw new FunctionError(`len of type ${typeNameOf(value)}`);
  }
}

/** Go's evalArgs: one string as it is, anything else as `print` shows it. */
function evaluateArguments(args: readonly unknown[]): string {
  const [only] = args;
  return args.length === 1 && typeof only === "string" ? only : sprint(args);
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  "\0": "\uFFFD",
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[\0"'&<>]/g, (character) => HTML_ESCAPES[character] ?? character);
}

const JAVASCRIPT_ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "'": "\\'",
  '"': '\\"',
  "<": "\\u003C",
  ">": "\\u003E",
  "&": "\\u0026",
  "=": "\\u003D",
};

function escapeJavaScript(text: string): string {
  return text.replaceAll(/[\\'"<>&=]|[^\x20-\x7e]/gu, (character) => {
    const named = JAVASCRIPT_ESCAPES[character];
    if (named !== undefined) return named;
    if (/[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(character)) return character;
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
  });
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function padWithSpace(text: string, before: number, after: number): string {
  return text === "" ? "" : " ".repeat(before) + text + " ".repeat(after);
}

/** Counts bytes, as docker does. */
function truncate(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  return bytes.length < limit ? text : bytes.subarray(0, limit).toString();
}

/** Go's `strings.Title`: every letter at the beginning of a word. */
function titleCase(text: string): string {
  return text.replaceAll(/(?<=^|[\0-\x7f]|\s)(?<![A-Za-z0-9_])\p{L}/gu, (letter) => letter.toUpperCase());
}
