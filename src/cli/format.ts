import { EngineError } from "../errors.ts";
import { FormatError } from "./format-error.ts";
import { alignColumns } from "./table.ts";
import { escapeHtmlInJson, toGoJson } from "./template/go-json.ts";
import { GO_JSON, GO_METHODS, GO_TYPE } from "./template/go-value.ts";
import { Template } from "./template/template.ts";

/** What a `--format` may show of one item: docker's field names, each with its title in a table's header. */
export interface RowKind<T> {
  /** How docker names the rows' type when a template asks for a field that there is not. */
  readonly goType: string;
  readonly fields: Readonly<Record<string, RowField<T>>>;
  /** Fields with an argument; there is only one: `{{.Label "name"}}`. */
  readonly labels?: (item: T) => Readonly<Record<string, string>>;
}

export interface RowField<T> {
  readonly header: string;
  /** Called only if the format asks for it. */
  readonly show: (item: T) => unknown;
}

/**
 * Shows items by docker's `--format`: `json` is one object a line, `table TEMPLATE` has a header and aligned columns,
 * anything else is a template for each line. `\t` and `\n` stand for tab and line feed.
 *
 * @throws EngineError `invalid-argument` for a template that cannot be parsed, or asks for what is not there.
 */
export function formatRows<T>(kind: RowKind<T>, items: readonly T[], format: string): string {
  const isTable = format.startsWith(TABLE);
  const source = format === "json" ? "{{json .}}" : isTable ? format.slice(TABLE.length) : format;
  const text = source
    .replace(/^ +| +$/g, "")
    .replaceAll("\\t", "\t")
    .replaceAll("\\n", "\n");
  const template = rewording("failed to parse template", () => Template.parse(text));
  const lines = rewording("failed to execute template", () => {
    return items.map((item) => `${template.execute(rowOf(kind, item))}\n`);
  });
  if (!isTable) return lines.join("");
  return alignColumns(`${template.execute(headerOf(kind), { header: true })}\n${lines.join("")}`);
}

const TABLE = "table";

/**
 * Shows one object by docker's `--format`: `json`, or a template.
 *
 * @param name what the template is called in messages
 * @throws FormatError for a template that cannot be parsed; EngineError `invalid-argument` if it asks for what is not
 * there.
 */
export function formatObject(object: unknown, format: string, name = ""): string {
  if (format === "json") return `${toGoJson(object)}\n`;
  return `${parseFormat(format, name).execute(object)}\n`;
}

/** @throws FormatError */
export function parseFormat(format: string, name = ""): Template {
  try {
    return Template.parse(format, name);
  } catch (error) {
    throw error instanceof EngineError ? new FormatError(error) : error;
  }
}

/** A row as the template's dot: fields are methods, so that only those which are asked for are worked out. */
function rowOf<T>({ goType, fields, labels }: RowKind<T>, item: T): object {
  const methods = Object.entries(fields).map(([name, field]) => [name, () => field.show(item)] as const);
  return {
    ...Object.fromEntries(methods),
    ...(labels !== undefined && { Label: (name: string) => labels(item)[name] ?? "" }),
    [GO_TYPE]: goType,
    [GO_JSON]: () => {
      const sorted = methods.toSorted(([a], [b]) => (a < b ? -1 : 1));
      return escapeHtmlInJson(toGoJson(Object.fromEntries(sorted.map(([name, show]) => [name, show()]))));
    },
  };
}

function headerOf({ fields }: Pick<RowKind<never>, "fields">): object {
  const titles = new Map(Object.entries(fields).map(([name, { header }]) => [name, header]));
  return Object.assign(titles, { [GO_METHODS]: { Label: labelTitle } });
}

/** docker's title of a label's column: `com.example.build-date` is `build date`. */
function labelTitle(name: string): string {
  return (name.split(".").at(-1) ?? "").replaceAll(/[-_]/g, " ");
}

function rewording<R>(prefix: string, action: () => R): R {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.code, `${prefix}: ${error.message}`, { cause: error });
  }
}
