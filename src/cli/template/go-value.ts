/**
 * The values that templates work on, with Go's distinctions laid over JavaScript's:
 *
 * - a string, boolean, array or function is Go's string, bool, slice or method;
 * - an integral number is an int, any other a float64; a float with an integral value is a `GoFloat`;
 * - a `Map` is a map, any other object a struct, whose fields and methods are its properties;
 * - `null` is an interface that holds nothing, and a `TypedNil` is a pointer, slice or map that is nil.
 */
export type GoKind = "nil" | "bool" | "int" | "float" | "string" | "list" | "map" | "struct" | "func";

/** A float64 that JavaScript cannot tell from an integer, e.g. the literal `1.0`. */
export class GoFloat {
  constructor(readonly value: number) {}
}

/** A nil that knows its type, and so prints as `<nil>`, `[]` or `map[]`. */
export class TypedNil {
  private constructor(
    readonly kind: "pointer" | "list" | "map",
    readonly typeName: string,
  ) {}

  static readonly pointer = TypedNil.pointerTo("struct");
  static readonly list = new TypedNil("list", "[]string");
  static readonly map = new TypedNil("map", "map[string]string");

  static pointerTo(typeName: string): TypedNil {
    return new TypedNil("pointer", `*${typeName}`);
  }
}

/** What a map answers for a key that it does not have. Prints as `<no value>`. */
export const NO_VALUE: unique symbol = Symbol("no value");

/** A struct may name its Go type here, for the messages that scripts' authors know. */
export const GO_TYPE: unique symbol = Symbol("Go type");

/** Methods of a value that is no struct, or that has a method as well as a field of a name. */
export const GO_METHODS: unique symbol = Symbol("Go methods");

/** How a value writes itself as JSON: Go's `json.Marshaler`. */
export const GO_JSON: unique symbol = Symbol("Go JSON");

export function kindOf(value: unknown): GoKind {
  if (value === null || value === undefined || value === NO_VALUE) return "nil";
  if (value instanceof TypedNil) return value.kind === "pointer" ? "nil" : value.kind;
  if (value instanceof GoFloat) return "float";
  if (Array.isArray(value)) return "list";
  if (value instanceof Map) return "map";
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "number":
      return Number.isInteger(value) ? "int" : "float";
    case "function":
      return "func";
    default:
      return "struct";
  }
}

/** The number behind an int or a float. */
export function numberOf(value: unknown): number {
  return value instanceof GoFloat ? value.value : Number(value);
}

/** The elements of a slice; none of a nil one. */
export function elementsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A map's entries in Go's printing order; none of a nil one. */
export function sortedEntries(value: unknown): (readonly [unknown, unknown])[] {
  if (!(value instanceof Map)) return [];
  return [...value.entries()].sort(([a], [b]) => compareKeys(a, b));
}

/** A struct's fields, its methods left out. */
export function fieldsOf(value: object): (readonly [string, unknown])[] {
  return Object.entries(value).filter(([, field]) => typeof field !== "function");
}

/** Go's `template.IsTrue`: false is what is empty, zero or nil. */
export function isTrue(value: unknown): boolean {
  switch (kindOf(value)) {
    case "nil":
      return false;
    case "bool":
      return value === true;
    case "int":
    case "float":
      return numberOf(value) !== 0;
    case "string":
      return value !== "";
    case "list":
      return elementsOf(value).length > 0;
    case "map":
      return value instanceof Map && value.size > 0;
    default:
      return true;
  }
}

/** The Go type of a value as error messages and `%T` name it. */
export function typeNameOf(value: unknown): string {
  switch (kindOf(value)) {
    case "nil":
      return value instanceof TypedNil ? value.typeName : "<nil>";
    case "float":
      return "float64";
    case "list":
      return `[]${elementTypeName(elementsOf(value))}`;
    case "map":
      return `map[string]${elementTypeName(value instanceof Map ? [...value.values()] : [])}`;
    case "struct":
      return structTypeName(value as { readonly [GO_TYPE]?: string });
    default:
      return kindOf(value);
  }
}

function elementTypeName(elements: readonly unknown[]): string {
  const names = new Set(elements.map(typeNameOf));
  const [only] = names;
  return names.size === 1 && only !== undefined && only !== "<nil>" ? only : "interface {}";
}

function structTypeName(value: { readonly [GO_TYPE]?: string }): string {
  return value[GO_TYPE] ?? "struct";
}

function compareKeys(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}
