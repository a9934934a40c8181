import { quote } from "./go-quote.ts";

/**
 * The tree of a parsed template. `position` is the offset that an error message points at; `describe` writes a node
 * again, for the `<…>` of the same message.
 */
export type Statement = TextNode | ActionNode | BranchNode | RangeNode | JumpNode | TemplateNode;

export interface TextNode {
  readonly type: "text";
  readonly text: string;
}

export interface ActionNode {
  readonly type: "action";
  readonly pipe: PipeNode;
}

/** `if` and `with`, which sets the dot. */
export interface BranchNode {
  readonly type: "if" | "with";
  readonly pipe: PipeNode;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[];
}

export interface RangeNode {
  readonly type: "range";
  readonly pipe: PipeNode;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[];
}

export interface JumpNode {
  readonly type: "break" | "continue";
}

/** Runs the template of a name; without a pipe its dot is nothing. */
export interface TemplateNode {
  readonly type: "template";
  readonly position: number;
  readonly name: string;
  readonly pipe: PipeNode | undefined;
}

/** Commands joined by `|`, with the variables that take the result. */
export interface PipeNode {
  readonly type: "pipe";
  readonly position: number;
  readonly variables: readonly string[];
  /** `=` changes variables that exist, `:=` declares them. */
  readonly assigns: boolean;
  readonly commands: readonly CommandNode[];
}

export interface CommandNode {
  readonly type: "command";
  readonly position: number;
  readonly operands: readonly [Operand, ...Operand[]];
}

export type Operand =
  | PipeNode
  | LiteralNode
  | { readonly type: "dot" | "nil"; readonly position: number }
  | { readonly type: "function"; readonly position: number; readonly name: string }
  | { readonly type: "field"; readonly position: number; readonly names: readonly string[] }
  | { readonly type: "variable"; readonly position: number; readonly name: string; readonly names: readonly string[] }
  | ChainNode;

/** A string, number, character or boolean, with its spelling. */
export interface LiteralNode {
  readonly type: "literal";
  readonly position: number;
  readonly value: unknown;
  readonly text: string;
}

/** Fields of what an operand in parentheses results in: `(index .Ports 0).HostPort`. */
export interface ChainNode {
  readonly type: "chain";
  readonly position: number;
  readonly operand: Operand;
  readonly names: readonly string[];
}

export function describe(node: Operand | CommandNode | TemplateNode): string {
  switch (node.type) {
    case "template":
      return `{{template ${quote(node.name)}${node.pipe === undefined ? "" : ` ${describePipe(node.pipe)}`}}}`;
    case "pipe":
      return describePipe(node);
    case "command":
      return node.operands.map(describeOperand).join(" ");
    case "literal":
      return node.text;
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "function":
      return node.name;
    case "field":
      return dotted(node.names);
    case "variable":
      return node.name + dotted(node.names);
    case "chain":
      return describeOperand(node.operand) + dotted(node.names);
  }
}

function describeOperand(operand: Operand): string {
  return operand.type === "pipe" ? `(${describePipe(operand)})` : describe(operand);
}

function describePipe(pipe: PipeNode): string {
  const commands = pipe.commands.map(describe).join(" | ");
  if (pipe.variables.length === 0) return commands;
  return `${pipe.variables.join(", ")} ${pipe.assigns ? "=" : ":="} ${commands}`;
}

function dotted(names: readonly string[]): string {
  return names.map((name) => `.${name}`).join("");
}
