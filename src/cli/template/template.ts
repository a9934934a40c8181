import { EngineError } from "../../errors.ts";
import { evaluate, TemplateExecutionError } from "./evaluator.ts";
import { HEADER_FUNCTIONS, TEMPLATE_FUNCTIONS } from "./functions.ts";
import { quote } from "./go-quote.ts";
import { TemplateSyntaxError } from "./lexer.ts";
import { describe } from "./nodes.ts";
import { parseTemplates, type TemplateSet } from "./parser.ts";

/** How a run deviates from the usual. */
export interface ExecuteOptions {
  readonly missingKey?: "default" | "error";
  /** The functions that a table's header is made with: they leave its titles alone. */
  readonly header?: boolean;
}

/**
 * A template in Go's text/template language with docker's functions, as `--format` takes it.
 *
 * See go-value.ts for how JavaScript's values are seen as Go's.
 */
export class Template {
  private constructor(
    private readonly name: string,
    private readonly text: string,
    private readonly templates: TemplateSet,
  ) {}

  /**
   * @param name appears in error messages; docker's is mostly empty
   * @throws EngineError `invalid-argument` with text/template's message.
   */
  static parse(text: string, name = ""): Template {
    try {
      return new Template(name, text, parseTemplates(text, name, FUNCTION_NAMES));
    } catch (error) {
      if (error instanceof RangeError) throw tooLarge(name);
      if (!(error instanceof TemplateSyntaxError)) throw error;
      const line = text.slice(0, error.position).split("\n").length;
      throw new EngineError("invalid-argument", `template: ${name}:${line}: ${error.message}`);
    }
  }

  /**
   * Runs the template with `data` as its dot.
   *
   * @throws EngineError `invalid-argument` with text/template's message, e.g. for a field that does not exist.
   */
  execute(data: unknown, { missingKey = "default", header = false }: ExecuteOptions = {}): string {
    const functions = header ? HEADER_FUNCTIONS : TEMPLATE_FUNCTIONS;
    try {
      return evaluate(this.templates, this.name, data, { functions, missingKey });
    } catch (error) {
      if (error instanceof RangeError) throw tooLarge(this.name);
      if (!(error instanceof TemplateExecutionError)) throw error;
      const { line, column } = this.locate(error.node.position);
      const where = `template: ${this.name}:${line}:${column}: executing ${quote(error.template)} at <${describe(error.node)}>`;
      throw new EngineError("invalid-argument", `${where}: ${error.message}`);
    }
  }

  /** Lines count from 1, columns from 0 and in bytes, as Go's do. */
  private locate(position: number): { line: number; column: number } {
    const lines = this.text.slice(0, position).split("\n");
    return { line: lines.length, column: Buffer.byteLength(lines.at(-1) ?? "") };
  }
}

/** More nesting than the stack holds, or more output than a string does. */
function tooLarge(name: string): EngineError {
  return new EngineError("invalid-argument", `template: ${name}: it is nested too deeply, or its output is too long`);
}

const FUNCTION_NAMES: ReadonlySet<string> = new Set([...Object.keys(TEMPLATE_FUNCTIONS), "and", "or"]);
