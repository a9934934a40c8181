import { elementsOf, fieldsOf, GO_JSON, kindOf, numberOf, sortedEntries } from "./go-value.ts";

/**
 * Writes a value as Go's encoding/json does with HTML escaping off, which is docker's `json` function: maps sorted,
 * structs in the order of their fields.
 */
export function toGoJson(value: unknown): string {
  switch (kindOf(value)) {
    case "string":
      return escapeLineSeparators(JSON.stringify(value));
    case "bool":
      return String(value);
    case "int":
    case "float":
      return JSON.stringify(numberOf(value));
    case "list":
      return Array.isArray(value) ? `[${elementsOf(value).map(toGoJson).join(",")}]` : "null";
    case "map":
      return value instanceof Map ? jsonObject(sortedEntries(value)) : "null";
    case "struct":
      return marshal(value as Marshaler) ?? jsonObject(fieldsOf(value as object));
    default:
      return "null";
  }
}

/** As `json.Marshal` without options does, which docker uses for `--format json` of a table's rows. */
export function escapeHtmlInJson(json: string): string {
  return json.replaceAll(/[<>&]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

interface Marshaler {
  readonly [GO_JSON]?: () => string;
}

function marshal(value: Marshaler): string | undefined {
  return value[GO_JSON]?.();
}

function jsonObject(entries: readonly (readonly [unknown, unknown])[]): string {
  return `{${entries.map(([key, entry]) => `${toGoJson(String(key))}:${toGoJson(entry)}`).join(",")}}`;
}

/** JSON allows U+2028 and U+2029 in strings; Go escapes them for JavaScript's sake. */
function escapeLineSeparators(json: string): string {
  return json.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
