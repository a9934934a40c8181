/** The words of Go's template language, as text/template's lexer divides them. */
export type TokenKind =
  | "text"
  | "open" // {{
  | "close" // }}
  | "space"
  | "identifier"
  | "keyword"
  | "field" // .Name
  | "variable" // $name
  | "dot"
  | "string" // with its quotes, raw ones too
  | "character"
  | "number"
  | "declare" // :=
  | "assign" // =
  | "pipe"
  | "comma"
  | "leftParen"
  | "rightParen"
  | "other" // a character that has no meaning here
  | "end";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Offset in the template. */
  readonly position: number;
}

/** A template that is not well-formed. */
export class TemplateSyntaxError extends Error {
  override readonly name = "TemplateSyntaxError";

  constructor(
    message: string,
    readonly position: number,
  ) {
    super(message);
  }
}

const KEYWORDS = new Set([
  "block",
  "break",
  "continue",
  "define",
  "else",
  "end",
  "if",
  "nil",
  "range",
  "template",
  "with",
]);

/** Inside an action: what a token looks like, first match wins. Sticky, so that they match where the lexer stands. */
const ACTION_TOKENS: readonly (readonly [TokenKind, RegExp])[] = [
  ["space", /[ \t\r\n]+/y],
  ["declare", /:=/y],
  ["assign", /=/y],
  ["pipe", /\|/y],
  ["comma", /,/y],
  ["leftParen", /\(/y],
  ["rightParen", /\)/y],
  ["string", /"(?:\\[^\n]|[^"\\\n])*"|`[^`]*`/y],
  ["character", /'(?:\\[^\n]|[^'\\\n])*'/y],
  ["number", /[+-]?(?:0[xXbBoO]\w*|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d*)?\w*)/y],
  ["field", /\.[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["variable", /\$[\p{L}\p{Nd}_]*/uy],
  ["dot", /\./y],
  ["identifier", /[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["other", /[!#%&*+\-/;<>?@[\]^{}~\\]/y],
];

const UNTERMINATED: Readonly<Record<string, string>> = {
  '"': "unterminated quoted string",
  "`": "unterminated raw quoted string",
  "'": "unterminated character constant",
};

/** After a word there must come one of these: `{{.Name!}}` is an error, not two words. */
const TERMINATORS = /[ \t\r\n.,|:=()]|-?\}\}|$/y;
const WORDS: ReadonlySet<TokenKind> = new Set(["field", "variable", "identifier"]);

/**
 * Divides a template into tokens, trimming text beside `{{-` and `-}}` and dropping comments.
 *
 * @throws TemplateSyntaxError
 */
export function tokenize(template: string): Token[] {
  return new Lexer(template).tokenize();
}

class Lexer {
  private readonly tokens: Token[] = [];
  private position = 0;
  private trimNext = false;

  constructor(private readonly template: string) {}

  tokenize(): Token[] {
    while (this.position < this.template.length) {
      const open = this.template.indexOf("{{", this.position);
      this.readText(open === -1 ? this.template.length : open);
      if (open !== -1) this.readAction();
    }
    this.push("end", "");
    return this.tokens;
  }

  private readText(until: number): void {
    let text = this.template.slice(this.position, until);
    const start = this.position;
    if (this.trimNext) text = text.replace(/^[ \t\r\n]+/, "");
    if (/^\{\{-[ \t\r\n]/.test(this.template.slice(until, until + 4))) text = text.replace(/[ \t\r\n]+$/, "");
    if (text !== "") this.tokens.push({ kind: "text", text, position: start });
    this.position = until;
    this.trimNext = false;
  }

  private readAction(): void {
    const start = this.position;
    this.position += /^\{\{-[ \t\r\n]/.test(this.template.slice(start, start + 4)) ? 3 : 2;
    if (/^[ \t\r\n]?\/\*/.test(this.template.slice(this.position, this.position + 3))) {
      this.skipComment();
      return;
    }
    this.tokens.push({ kind: "open", text: "{{", position: start });
    let depth = 0;
    while (!this.readClose()) {
      const token = this.readToken();
      if (token.kind === "leftParen") depth++;
      if (token.kind === "rightParen" && --depth < 0) throw this.failure("unexpected right paren");
      this.tokens.push(token);
    }
    if (depth > 0) throw this.failure("unclosed left paren");
  }

  private skipComment(): void {
    const end = this.template.indexOf("*/", this.position);
    if (end === -1) throw this.failure("unclosed comment");
    this.position = end + 2;
    const close = /^([ \t\r\n]-)?\}\}/.exec(this.template.slice(this.position, this.position + 4));
    if (close === null) throw this.failure("comment ends before closing delimiter");
    this.position += close[0].length;
    this.trimNext = close[1] !== undefined;
  }

  private readClose(): boolean {
    const close = /^(?:[ \t\r\n]-)?\}\}/.exec(this.template.slice(this.position, this.position + 4));
    if (close === null) return false;
    this.trimNext = close[0].length > 2;
    this.push("close", "}}");
    this.position += close[0].length;
    return true;
  }

  private readToken(): Token {
    for (const [kind, pattern] of ACTION_TOKENS) {
      pattern.lastIndex = this.position;
      const text = pattern.exec(this.template)?.[0];
      if (text === undefined) continue;
      const token = {
        kind: refine(kind, text),
        text: trimSpaceBeforeClose(kind, text, this.template, this.position),
        position: this.position,
      };
      this.position += token.text.length;
      if (WORDS.has(kind)) this.expectTerminator();
      return token;
    }
    const character = this.template.slice(this.position, this.position + 2);
    if (character === "" || character.startsWith("\n")) throw this.failure("unclosed action");
    const first = String.fromCodePoint(this.template.codePointAt(this.position) ?? 0);
    throw this.failure(
      UNTERMINATED[first] ??
        (first === ":" ? "expected :=" : `unrecognized character in action: ${codePointName(first)}`),
    );
  }

  private expectTerminator(): void {
    TERMINATORS.lastIndex = this.position;
    if (TERMINATORS.test(this.template)) return;
    throw this.failure(
      `bad character ${codePointName(String.fromCodePoint(this.template.codePointAt(this.position) ?? 0))}`,
    );
  }

  private push(kind: TokenKind, text: string): void {
    this.tokens.push({ kind, text, position: this.position });
  }

  private failure(message: string): TemplateSyntaxError {
    return new TemplateSyntaxError(message, this.position);
  }
}

/** The space of ` -}}` belongs to the delimiter. */
function trimSpaceBeforeClose(kind: TokenKind, text: string, template: string, position: number): string {
  if (kind !== "space" || !template.startsWith("-}}", position + text.length)) return text;
  return text.slice(0, -1);
}

function refine(kind: TokenKind, text: string): TokenKind {
  return kind === "identifier" && KEYWORDS.has(text) ? "keyword" : kind;
}

/** Go's `%#U`. */
function codePointName(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `U+${code} '${character}'`;
}
