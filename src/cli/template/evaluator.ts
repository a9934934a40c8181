import { FunctionError, type ParameterType, type TemplateFunction } from "./functions.ts";
import { sprintValue } from "./go-format.ts";
import { quote } from "./go-quote.ts";
import {
  elementsOf,
  GO_METHODS,
  isTrue,
  kindOf,
  NO_VALUE,
  numberOf,
  sortedEntries,
  TypedNil,
  typeNameOf,
} from "./go-value.ts";
import {
  type CommandNode,
  describe,
  type LiteralNode,
  type Operand,
  type PipeNode,
  type RangeNode,
  type Statement,
  type TemplateNode,
} from "./nodes.ts";
import type { TemplateSet } from "./parser.ts";

/** Where and how a template is run. */
export interface EvaluationOptions {
  readonly functions: Readonly<Record<string, TemplateFunction>>;
  /** A key that a map lacks prints `<no value>`, or is an error. */
  readonly missingKey: "default" | "error";
}

/** A failure while a template runs, with the node that it happened at. */
export class TemplateExecutionError extends Error {
  override readonly name = "TemplateExecutionError";

  constructor(
    message: string,
    readonly node: Operand | CommandNode | TemplateNode,
    /** The template that was run, by name. */
    readonly template: string,
  ) {
    super(message);
  }
}

interface Variable {
  readonly name: string;
  value: unknown;
}

/** Thrown by `{{break}}` and `{{continue}}` up to the range that they leave. */
class Jump extends Error {
  constructor(readonly type: "break" | "continue") {
    super(type);
  }
}

/** The argument that a pipeline hands to its next command; absent in its first. */
type Piped = { readonly value: unknown } | undefined;

/** Runs the template `name` of a set with `data` as the dot, and returns the text. */
export function evaluate(templates: TemplateSet, name: string, data: unknown, options: EvaluationOptions): string {
  return new Evaluator(templates, options).run(name, data);
}

class Evaluator {
  /** Those of the template that is running. */
  private variables: Variable[] = [];
  private template = "";
  private output = "";

  constructor(
    private readonly templates: TemplateSet,
    private readonly options: EvaluationOptions,
  ) {}

  run(name: string, data: unknown): string {
    this.runTemplate(name, this.templates.get(name) ?? [], data);
    return this.output;
  }

  /** A template sees nothing of those that run it but the dot that they give it. */
  private runTemplate(name: string, statements: readonly Statement[], data: unknown): void {
    const { variables, template } = this;
    this.variables = [{ name: "$", value: data }];
    this.template = name;
    this.walk(statements, data);
    this.variables = variables;
    this.template = template;
  }

  private callTemplate(node: TemplateNode, dot: unknown): void {
    const statements = this.templates.get(node.name);
    if (statements === undefined) this.fail(`template ${quote(node.name)} not defined`, node);
    this.runTemplate(node.name, statements, node.pipe === undefined ? NO_VALUE : this.evaluatePipe(node.pipe, dot));
  }

  private walk(statements: readonly Statement[], dot: unknown): void {
    for (const statement of statements) {
      switch (statement.type) {
        case "text":
          this.output += statement.text;
          break;
        case "action": {
          const value = this.evaluatePipe(statement.pipe, dot);
          if (statement.pipe.variables.length === 0) this.print(value, statement.pipe);
          break;
        }
        case "if":
        case "with":
          this.scoped(() => {
            const value = this.evaluatePipe(statement.pipe, dot);
            const within = statement.type === "with" ? value : dot;
            if (isTrue(value)) this.walk(statement.body, within);
            else this.walk(statement.otherwise, dot);
          });
          break;
        case "range":
          this.scoped(() => this.walkRange(statement, dot));
          break;
        case "template":
          this.callTemplate(statement, dot);
          break;
        default:
          throw new Jump(statement.type);
      }
    }
  }

  private walkRange(range: RangeNode, dot: unknown): void {
    const value = this.evaluatePipe(range.pipe, dot);
    const entries = this.entriesOf(value, range.pipe);
    if (entries.length === 0) this.walk(range.otherwise, dot);
    for (const [key, element] of entries) {
      try {
        this.scoped(() => {
          this.setRangeVariables(range.pipe, key, element);
          this.walk(range.body, element);
        });
      } catch (jump) {
        if (!(jump instanceof Jump)) throw jump;
        if (jump.type === "break") break;
      }
    }
  }

  private entriesOf(value: unknown, node: PipeNode): readonly (readonly [unknown, unknown])[] {
    switch (kindOf(value)) {
      case "list":
        return [...elementsOf(value).entries()];
      case "map":
        return sortedEntries(value);
      case "int":
        return Array.from({ length: Math.max(numberOf(value), 0) }, (_, index) => [index, index] as const);
      case "nil":
        if (value === NO_VALUE || !(value instanceof TypedNil)) return [];
        break;
    }
    return this.fail(`range can't iterate over ${sprintValue(value)}`, node);
  }

  /** One variable takes the element, two take the index or key as well. */
  private setRangeVariables(pipe: PipeNode, key: unknown, element: unknown): void {
    const { variables, assigns } = pipe;
    const values = variables.length > 1 ? [key, element] : [element];
    for (const [index, name] of variables.entries()) {
      if (assigns) this.assign(name, values[index], lastOperand(pipe));
      else this.variables.push({ name, value: values[index] });
    }
  }

  /** Forgets the variables that were declared within. */
  private scoped(action: () => void): void {
    const count = this.variables.length;
    try {
      action();
    } finally {
      this.variables.length = count;
    }
  }

  private assign(name: string, value: unknown, node: Operand): void {
    const variable = this.variables.findLast((candidate) => candidate.name === name);
    if (variable === undefined) this.fail(`undefined variable: ${name}`, node);
    variable.value = value;
  }

  private print(value: unknown, node: PipeNode): void {
    if (kindOf(value) === "func") this.fail(`can't print ${describe(node)} of type func`, node);
    this.output += sprintValue(value);
  }

  private evaluatePipe(pipe: PipeNode, dot: unknown): unknown {
    let piped: Piped;
    for (const command of pipe.commands) piped = { value: this.evaluateCommand(command, dot, piped) };
    const value = piped?.value;
    if (pipe.variables.length === 1) {
      const [name = ""] = pipe.variables;
      if (pipe.assigns) this.assign(name, value, lastOperand(pipe));
      else this.variables.push({ name, value });
    }
    return value;
  }

  private evaluateCommand(command: CommandNode, dot: unknown, piped: Piped): unknown {
    const [first, ...rest] = command.operands;
    switch (first.type) {
      case "function":
        return this.callFunction(command, first, dot, piped);
      case "field":
        return this.evaluateFields(dot, first.names, first, { dot, operands: rest, piped });
      case "variable":
        return this.evaluateVariable(first, { dot, operands: rest, piped });
      case "chain":
        return this.evaluateFields(this.evaluateOperand(first.operand, dot), first.names, lastOperand(first.operand), {
          dot,
          operands: rest,
          piped,
        });
      default:
        if (rest.length > 0 || piped !== undefined)
          this.fail(`can't give argument to non-function ${describe(first)}`, first);
        if (first.type === "nil") this.fail("nil is not a command", first);
        return this.evaluateOperand(first, dot);
    }
  }

  private evaluateOperand(operand: Operand, dot: unknown): unknown {
    switch (operand.type) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "literal":
        return operand.value;
      case "pipe":
        return this.evaluatePipe(operand, dot);
      case "function":
        return this.callFunction(operand, operand, dot, undefined);
      case "field":
        return this.evaluateFields(dot, operand.names, operand, NO_ARGUMENTS);
      case "variable":
        return this.evaluateVariable(operand, NO_ARGUMENTS);
      case "chain":
        return this.evaluateFields(
          this.evaluateOperand(operand.operand, dot),
          operand.names,
          lastOperand(operand.operand),
          NO_ARGUMENTS,
        );
    }
  }

  private evaluateVariable(node: Extract<Operand, { type: "variable" }>, call: MethodCall): unknown {
    const value = this.variables.findLast((variable) => variable.name === node.name)?.value;
    if (node.names.length > 0) return this.evaluateFields(value, node.names, node, call);
    if (hasArguments(call)) this.fail(`can't give argument to non-function ${node.name}`, node);
    return value;
  }

  /** Follows fields; only the last may be a method with arguments. */
  private evaluateFields(receiver: unknown, names: readonly string[], node: Operand, call: MethodCall): unknown {
    const last = names.length - 1;
    return names.reduce((value, name, index) => {
      return this.evaluateField(value, name, node, index === last ? call : NO_ARGUMENTS);
    }, receiver);
  }

  private evaluateField(receiver: unknown, name: string, node: Operand, call: MethodCall): unknown {
    const method = methodsOf(receiver)?.[name];
    if (method !== undefined) return this.callMethod(method, name, node, call);
    if (receiver instanceof Map) return this.evaluateKey(receiver, name, node, call);
    switch (kindOf(receiver)) {
      case "struct": {
        const field = (receiver as Readonly<Record<string, unknown>>)[name];
        if (typeof field === "function") return this.callMethod(field.bind(receiver), name, node, call);
        if (field === undefined) break;
        if (hasArguments(call)) this.fail(`${name} has arguments but cannot be invoked as function`, node);
        return field;
      }
      case "map":
        return this.missing(name, node);
      case "nil":
        if (receiver === NO_VALUE || receiver === undefined) {
          if (this.options.missingKey === "error") this.fail(`nil data; no entry for key ${quote(name)}`, node);
          return NO_VALUE;
        }
        return this.fail(
          `nil pointer evaluating ${receiver === null ? "interface {}" : typeNameOf(receiver)}.${name}`,
          node,
        );
    }
    return this.fail(`can't evaluate field ${name} in type ${typeNameOf(receiver)}`, node);
  }

  private evaluateKey(map: ReadonlyMap<unknown, unknown>, name: string, node: Operand, call: MethodCall): unknown {
    if (hasArguments(call)) this.fail(`${name} is not a method but has arguments`, node);
    return map.has(name) ? map.get(name) : this.missing(name, node);
  }

  private missing(name: string, node: Operand): unknown {
    if (this.options.missingKey === "error") this.fail(`map has no entry for key ${quote(name)}`, node);
    return NO_VALUE;
  }

  private callMethod(method: Method, name: string, node: Operand, call: MethodCall): unknown {
    const parameters = Array.from({ length: method.length }, (): ParameterType => "string");
    const args = this.evaluateArguments({ parameters }, name, node, call);
    return method(...args);
  }

  private callFunction(
    command: CommandNode | Operand,
    node: Extract<Operand, { type: "function" }>,
    dot: unknown,
    piped: Piped,
  ): unknown {
    const operands = command.type === "command" ? command.operands.slice(1) : [];
    const call = { dot, operands, piped };
    if (node.name === "and" || node.name === "or") return this.evaluateShortCircuit(node, call);
    const definition = this.options.functions[node.name];
    if (definition === undefined) return this.fail(`${quote(node.name)} is not a defined function`, node);
    const args = this.evaluateArguments(definition, node.name, node, call);
    try {
      return definition.call(...(args as never[]));
    } catch (error) {
      if (!(error instanceof FunctionError)) throw error;
      return this.fail(`error calling ${node.name}: ${error.message}`, command);
    }
  }

  /** `and` and `or` return the first argument that decides, and do not look at the rest. */
  private evaluateShortCircuit(
    node: Extract<Operand, { type: "function" }>,
    { dot, operands, piped }: MethodCall,
  ): unknown {
    const count = operands.length + (piped === undefined ? 0 : 1);
    if (count === 0) this.fail(`wrong number of args for ${node.name}: want at least 1 got 0`, node);
    let value: unknown;
    for (const operand of operands) {
      value = this.evaluateOperand(operand, dot);
      if (isTrue(value) === (node.name === "or")) return value;
    }
    return piped === undefined ? value : piped.value;
  }

  private evaluateArguments(
    { parameters, variadic = false }: Pick<TemplateFunction, "parameters" | "variadic">,
    name: string,
    node: Operand,
    { dot, operands, piped }: MethodCall,
  ): unknown[] {
    const count = operands.length + (piped === undefined ? 0 : 1);
    const least = variadic ? parameters.length - 1 : parameters.length;
    if (variadic ? count < least : count !== least) {
      this.fail(`wrong number of args for ${name}: want ${variadic ? "at least " : ""}${least} got ${count}`, node);
    }
    const typeAt = (index: number): ParameterType => parameters[Math.min(index, parameters.length - 1)] ?? "any";
    const args = operands.map((operand, index) => {
      const type = typeAt(index);
      if (operand.type === "literal") return this.checkLiteral(operand, type);
      return this.checkType(this.evaluateOperand(operand, dot), type, operand);
    });
    if (piped !== undefined) args.push(this.checkType(piped.value, typeAt(operands.length), node));
    return args;
  }

  private checkLiteral(literal: LiteralNode, type: ParameterType): unknown {
    const kind = kindOf(literal.value);
    if (type === "any" || kind === type) return literal.value;
    if (type === "[]string") return this.fail(`can't handle ${literal.text} for arg of type []string`, literal);
    return this.fail(`expected ${type === "int" ? "integer" : type}; found ${literal.text}`, literal);
  }

  private checkType(value: unknown, type: ParameterType, node: Operand): unknown {
    const kind = kindOf(value);
    if (type === "any") return value;
    if (type === "[]string" ? isStringList(value) : kind === type) return value;
    if (kind === "nil") {
      if (type === "[]string" && value !== NO_VALUE) return TypedNil.list;
      if (value === NO_VALUE) return this.fail(`invalid value; expected ${type}`, node);
    }
    const actual = value === null ? "interface {}" : typeNameOf(value);
    return this.fail(`wrong type for value; expected ${type}; got ${actual}`, node);
  }

  private fail(message: string, node: Operand | CommandNode | TemplateNode): never {
    throw new TemplateExecutionError(message, node, this.template);
  }
}

type Method = (...args: unknown[]) => unknown;

function methodsOf(value: unknown): Readonly<Record<string, Method>> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as { readonly [GO_METHODS]?: Readonly<Record<string, Method>> })[GO_METHODS];
}

/** The operand that was evaluated last, which is where Go sees a failure of what came of it. */
function lastOperand(operand: Operand): Operand {
  const last = operand.type === "pipe" ? operand.commands.at(-1)?.operands.at(-1) : undefined;
  return last === undefined ? operand : lastOperand(last);
}

/** The arguments of a function or method: operands, and what the pipeline hands on. */
interface MethodCall {
  readonly dot: unknown;
  readonly operands: readonly Operand[];
  readonly piped: Piped;
}

const NO_ARGUMENTS: MethodCall = { dot: undefined, operands: [], piped: undefined };

function hasArguments({ operands, piped }: MethodCall): boolean {
  return operands.length > 0 || piped !== undefined;
}

function isStringList(value: unknown): boolean {
  return kindOf(value) === "list" && elementsOf(value).every((element) => typeof element === "string");
}
