import { EngineError } from "../errors.ts";
import { parseFormat } from "./format.ts";
import { asGoMaps, asGoTypes } from "./go-view.ts";
import type { Template } from "./template/template.ts";

/** How `inspect` shows objects: one JSON array, or a template's text for each. */
export interface InspectFormat {
  /** Text for one object; a template that asks for what is not there throws. */
  readonly show: (object: unknown) => string;
  /** Puts the texts of all together. */
  readonly join: (texts: readonly string[]) => string;
}

/**
 * Reads `--format` of docker's `inspect` commands: nothing, `json` for one line, or a template.
 *
 * @throws FormatError for a template that cannot be parsed.
 */
export function inspectFormat(format: string | undefined): InspectFormat {
  if (format === undefined || format === "") {
    return { show: (object) => indent(JSON.stringify(object, null, 4)), join: joinIndented };
  }
  if (format === "json") return { show: (object) => JSON.stringify(object), join: (texts) => `[${texts.join(",")}]\n` };
  const template = parseFormat(format);
  return {
    show: (object) => `${explaining(() => execute(template, object))}\n`,
    join: (texts) => texts.join("") || "\n",
  };
}

/** As docker: on Go's types first, and if that fails on the JSON, where only what it holds can be asked for. */
function execute(template: Template, object: unknown): string {
  try {
    return template.execute(asGoTypes(object));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return template.execute(asGoMaps(object), { missingKey: "error" });
  }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "    ");
}

function joinIndented(texts: readonly string[]): string {
  return texts.length === 0 ? "[]\n" : `[\n${texts.join(",\n")}\n]\n`;
}

function explaining<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.code, `template parsing error: ${error.message}`, { cause: error });
  }
}
