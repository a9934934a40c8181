import { quote, unquote } from "./go-quote.ts";
import { GoFloat } from "./go-value.ts";
import { TemplateSyntaxError, type Token, type TokenKind, tokenize } from "./lexer.ts";
import {
  type BranchNode,
  type CommandNode,
  describe,
  type Operand,
  type PipeNode,
  type RangeNode,
  type Statement,
  type TemplateNode,
} from "./nodes.ts";

/** The statements of every template that a text defines, by name. */
export type TemplateSet = ReadonlyMap<string, readonly Statement[]>;

/**
 * Parses a text into the template `name` and those that it defines. `functions` are the names that may be called.
 *
 * @throws TemplateSyntaxError in text/template's words.
 */
export function parseTemplates(text: string, name: string, functions: ReadonlySet<string>): TemplateSet {
  return new Parser(tokenize(text), functions).parse(name);
}

/** Which keyword ended a list of statements, and for `{{else if}}` what follows it. */
type ListEnd = "end" | "else";

class Parser {
  private index = 0;
  /** Variables in scope; `$` is the data itself. */
  private variables: string[] = ["$"];
  private rangeDepth = 0;
  private readonly templates = new Map<string, readonly Statement[]>();

  constructor(
    private readonly tokens: readonly Token[],
    private readonly functions: ReadonlySet<string>,
  ) {}

  parse(name: string): TemplateSet {
    const statements: Statement[] = [];
    while (this.peek().kind !== "end") {
      if (this.readDefinition()) continue;
      const statement = this.parseStatement();
      if (statement === "end" || statement === "else") this.fail(`unexpected {{${statement}}}`);
      statements.push(statement);
    }
    this.define(name, statements);
    return this.templates;
  }

  /** Reads a `{{define}}`, which stands beside all other statements only; false when the next one is another. */
  private readDefinition(): boolean {
    const start = this.index;
    if (this.next().kind === "open") {
      const keyword = this.nextBeyondSpace();
      if (keyword.kind === "keyword" && keyword.text === "define") {
        const name = this.readName("define clause");
        this.expectClose("define clause");
        this.parseDefinition(name, "define clause");
        return true;
      }
    }
    this.index = start;
    return false;
  }

  /** Reads a template's statements up to its `{{end}}`. It knows none of the variables around it. */
  private parseDefinition(name: string, context: string): void {
    const { variables, rangeDepth } = this;
    this.variables = ["$"];
    this.rangeDepth = 0;
    const [statements, end] = this.parseList();
    if (end !== "end") this.fail(`unexpected {{${end}}} in ${context}`);
    this.define(name, statements);
    this.variables = variables;
    this.rangeDepth = rangeDepth;
  }

  /** A template that has nothing but space may be defined again. */
  private define(name: string, statements: readonly Statement[]): void {
    const defined = this.templates.get(name);
    if (defined === undefined || isBlank(defined)) this.templates.set(name, statements);
    else if (!isBlank(statements)) this.fail(`template: multiple definition of template ${quote(name)}`);
  }

  private parseStatement(): Statement | ListEnd {
    const token = this.next();
    if (token.kind === "text") return { type: "text", text: token.text };
    if (token.kind !== "open") this.unexpected(token, "input");
    const first = this.peekBeyondSpace();
    if (first.kind !== "keyword" || first.text === "nil")
      return { type: "action", pipe: this.parsePipeline("command", "close") };
    this.nextBeyondSpace();
    return this.parseKeyword(first);
  }

  private parseKeyword(keyword: Token): Statement | ListEnd {
    switch (keyword.text) {
      case "if":
      case "with":
        return this.parseBranch(keyword.text);
      case "range":
        return this.parseRange();
      case "break":
      case "continue":
        if (this.rangeDepth === 0) this.fail(`{{${keyword.text}}} outside {{range}}`);
        this.expectClose(keyword.text);
        return { type: keyword.text };
      case "template":
        return this.parseTemplateCall();
      case "block":
        return this.parseBlock();
      case "define":
        this.unexpected(keyword, "command");
        break;
      case "else":
        // `{{else if` and `{{else with` are read by the branch that they continue.
        if (this.peekBeyondSpace().kind === "keyword") return "else";
        this.expectClose("else");
        return "else";
      default:
        this.expectClose("end");
        return "end";
    }
  }

  private parseBranch(type: "if" | "with"): BranchNode {
    const scope = this.variables.length;
    const pipe = this.parsePipeline(type, "close");
    const [body, end] = this.parseList();
    const otherwise = end === "else" ? this.parseElse(type) : [];
    this.variables.length = scope;
    return { type, pipe, body, otherwise };
  }

  /** Reads what follows `{{else`; an `{{else if}}` is an `{{if}}` that shares our `{{end}}`. */
  private parseElse(type: "if" | "with" | "range"): readonly Statement[] {
    const token = this.peekBeyondSpace();
    if (token.kind === "keyword") {
      if (type === "range" || token.text !== type) this.unexpected(token, "input");
      this.nextBeyondSpace();
      return [this.parseBranch(type)];
    }
    const [statements, end] = this.parseList();
    if (end === "else") this.fail("expected end; found {{else}}");
    return statements;
  }

  private parseRange(): RangeNode {
    const scope = this.variables.length;
    const pipe = this.parsePipeline("range", "close");
    this.rangeDepth++;
    const [body, end] = this.parseList();
    this.rangeDepth--;
    const otherwise = end === "else" ? this.parseElse("range") : [];
    this.variables.length = scope;
    return { type: "range", pipe, body, otherwise };
  }

  private parseTemplateCall(): TemplateNode {
    const { position } = this.peekBeyondSpace();
    const name = this.readName("template clause");
    if (this.peekBeyondSpace().kind === "close") {
      this.next();
      return { type: "template", position, name, pipe: undefined };
    }
    return { type: "template", position, name, pipe: this.parsePipeline("template clause", "close") };
  }

  /** A `{{define}}` and the `{{template}}` that runs it, in one. */
  private parseBlock(): TemplateNode {
    const { position } = this.peekBeyondSpace();
    const name = this.readName("block clause");
    const pipe = this.parsePipeline("block clause", "close");
    this.parseDefinition(name, "block clause");
    return { type: "template", position, name, pipe };
  }

  private readName(context: string): string {
    const token = this.nextBeyondSpace();
    if (token.kind !== "string") this.unexpected(token, context);
    return this.readString(token.text);
  }

  private parseList(): [readonly Statement[], ListEnd] {
    const statements: Statement[] = [];
    while (this.peek().kind !== "end") {
      const statement = this.parseStatement();
      if (statement === "end" || statement === "else") return [statements, statement];
      statements.push(statement);
    }
    this.fail("unexpected EOF");
  }

  private parsePipeline(context: string, end: TokenKind): PipeNode {
    const { position } = this.peekBeyondSpace();
    const { variables, assigns } = this.parseVariables(context);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.nextBeyondSpace();
      if (token.kind === end) break;
      if (!OPERAND_STARTS.has(token.kind) || (token.kind === "keyword" && token.text !== "nil"))
        this.unexpected(token, context);
      this.index--;
      commands.push(this.parseCommand());
    }
    this.checkPipeline(commands, context);
    // A variable is in scope only behind the pipeline that declares it.
    if (!assigns) this.variables.push(...variables);
    return { type: "pipe", position, variables, assigns, commands };
  }

  /** Reads `$x :=`, `$x =` and, for range, `$i, $x :=`. */
  private parseVariables(context: string): { variables: string[]; assigns: boolean } {
    const start = this.index;
    const variables: string[] = [];
    while (this.peekBeyondSpace().kind === "variable") {
      const variable = this.nextBeyondSpace();
      const after = this.nextBeyondSpace();
      if (after.kind === "declare" || after.kind === "assign") {
        return { variables: [...variables, variable.text], assigns: after.kind === "assign" };
      }
      if (after.kind !== "comma" || context !== "range" || variables.length > 0) {
        if (after.kind === "comma") this.fail(`too many declarations in ${context}`);
        break;
      }
      variables.push(variable.text);
    }
    this.index = start;
    return { variables: [], assigns: false };
  }

  private checkPipeline(commands: readonly CommandNode[], context: string): void {
    if (commands.length === 0) this.fail(`missing value for ${context}`);
    for (const [stage, { operands }] of commands.entries()) {
      const constant = operands[0].type === "literal" || operands[0].type === "dot" || operands[0].type === "nil";
      if (stage > 0 && constant) this.fail(`non executable command in pipeline stage ${stage + 1}`);
    }
  }

  private parseCommand(): CommandNode {
    const { position } = this.peekBeyondSpace();
    const operands: Operand[] = [];
    for (;;) {
      this.peekBeyondSpace();
      const operand = this.parseOperand();
      if (operand !== undefined) operands.push(operand);
      const token = this.next();
      if (token.kind === "space") continue;
      if (token.kind === "close" || token.kind === "rightParen") this.index--;
      else if (token.kind !== "pipe") this.unexpected(token, "operand");
      break;
    }
    const [first, ...rest] = operands;
    if (first === undefined) this.fail("empty command");
    return { type: "command", position, operands: [first, ...rest] };
  }

  /** A term and the fields behind it. */
  private parseOperand(): Operand | undefined {
    const term = this.parseTerm();
    if (term === undefined || this.peek().kind !== "field") return term;
    const { position } = this.peek();
    const names: string[] = [];
    while (this.peek().kind === "field") names.push(this.next().text.slice(1));
    switch (term.type) {
      case "field":
        return { ...term, position, names: [...term.names, ...names] };
      case "variable":
        return { ...term, position, names: [...term.names, ...names] };
      case "literal":
      case "nil":
      case "dot":
        this.fail(`unexpected . after term ${quote(describe(term))}`);
        break;
      default:
        return { type: "chain", position, operand: term, names };
    }
  }

  private parseTerm(): Operand | undefined {
    const token = this.nextBeyondSpace();
    const { position, text } = token;
    switch (token.kind) {
      case "identifier":
        if (text === "true" || text === "false") return { type: "literal", position, value: text === "true", text };
        if (!this.functions.has(text)) this.fail(`function ${quote(text)} not defined`);
        return { type: "function", position, name: text };
      case "keyword":
        if (text !== "nil") this.unexpected(token, "operand");
        return { type: "nil", position };
      case "dot":
        return { type: "dot", position };
      case "field":
        return { type: "field", position, names: [text.slice(1)] };
      case "variable":
        this.requireVariable(text);
        return { type: "variable", position, name: text, names: [] };
      case "leftParen":
        return this.parsePipeline("parenthesized pipeline", "rightParen");
      case "string":
        return { type: "literal", position, value: this.readString(text), text };
      case "character":
        return { type: "literal", position, value: this.readCharacter(text), text };
      case "number":
        return { type: "literal", position, value: this.readNumber(text), text };
      default:
        this.index--;
        return undefined;
    }
  }

  private readString(text: string): string {
    return unquote(text) ?? this.fail("invalid syntax");
  }

  private readCharacter(text: string): number {
    const characters = [...(unquote(text) ?? "")];
    if (characters.length === 0) this.fail("invalid syntax");
    if (characters.length > 1) this.fail(`malformed character constant: ${text}`);
    return characters[0]?.codePointAt(0) ?? 0;
  }

  private readNumber(text: string): number | GoFloat {
    const sign = text.startsWith("-") ? -1 : 1;
    const digits = text.replace(/^[+-]/, "").replaceAll(/(?<=[\da-fA-F]|^0[xXbBoO])_(?=[\da-fA-F])/g, "");
    if (/^(?:0|[1-9]\d*|0[xX][\da-fA-F]+|0[bB][01]+|0[oO][0-7]+)$/.test(digits)) return sign * Number(digits);
    if (/^0[0-7]+$/.test(digits)) return sign * Number.parseInt(digits, 8);
    if (/^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(digits)) return new GoFloat(sign * Number(digits));
    this.fail(`bad number syntax: ${quote(text)}`);
  }

  private requireVariable(name: string): void {
    if (!this.variables.includes(name)) this.fail(`undefined variable ${quote(name)}`);
  }

  private expectClose(context: string): void {
    const token = this.nextBeyondSpace();
    if (token.kind !== "close") this.unexpected(token, context);
  }

  private peek(): Token {
    return this.tokens[this.index] ?? END;
  }

  private next(): Token {
    const token = this.peek();
    this.index++;
    return token;
  }

  private peekBeyondSpace(): Token {
    while (this.peek().kind === "space") this.index++;
    return this.peek();
  }

  private nextBeyondSpace(): Token {
    this.peekBeyondSpace();
    return this.next();
  }

  private unexpected(token: Token, context: string): never {
    this.fail(`unexpected ${describeToken(token)} in ${context}`);
  }

  private fail(message: string): never {
    throw new TemplateSyntaxError(message, this.tokens[Math.max(this.index - 1, 0)]?.position ?? 0);
  }
}

function isBlank(statements: readonly Statement[]): boolean {
  return statements.every((statement) => statement.type === "text" && statement.text.trim() === "");
}

const END: Token = { kind: "end", text: "", position: 0 };

const OPERAND_STARTS: ReadonlySet<TokenKind> = new Set([
  "identifier",
  "keyword",
  "dot",
  "field",
  "variable",
  "leftParen",
  "string",
  "character",
  "number",
]);

function describeToken({ kind, text }: Token): string {
  if (kind === "end") return "EOF";
  if (kind === "keyword" || kind === "dot") return `<${text}>`;
  return text.length > 10 ? `${quote(text.slice(0, 10))}...` : quote(text);
}
