/** Go's string and character literals, written and read (Go's `strconv`, section "Quote"). */

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};
const NAMED_ESCAPE = new Map(Object.entries(ESCAPES).map(([letter, character]) => [character, `\\${letter}`]));
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Go's `strconv.Quote`. */
export function quote(text: string): string {
  return `"${[...text].map((character) => escapeCharacter(character, '"')).join("")}"`;
}

/** Go's `strconv.QuoteToASCII`. */
export function quoteAscii(text: string): string {
  return quote(text).replaceAll(/[^\x20-\x7e]/gu, (character) => escapeCodePoint(character.codePointAt(0) ?? 0));
}

/** Go's `strconv.QuoteRune`. */
export function quoteRune(codePoint: number): string {
  return `'${escapeCharacter(String.fromCodePoint(codePoint), "'")}'`;
}

function escapeCharacter(character: string, delimiter: string): string {
  if (character === delimiter || character === "\\") return `\\${character}`;
  if (PRINTABLE.test(character)) return character;
  const named = NAMED_ESCAPE.get(character);
  if (named !== undefined) return named;
  return escapeCodePoint(character.codePointAt(0) ?? 0);
}

function escapeCodePoint(codePoint: number): string {
  if (codePoint < 0x80) return `\\x${hex(codePoint, 2)}`;
  return codePoint < 0x10000 ? `\\u${hex(codePoint, 4)}` : `\\U${hex(codePoint, 8)}`;
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, "0");
}

const LITERAL_PARTS =
  /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([abfnrtv\\'"]))|([^\\])/gsu;

/** The text that an interpreted literal, quotes included, stands for; `undefined` if it is malformed. */
export function unquote(literal: string): string | undefined {
  const body = literal.slice(1, -1);
  const delimiter = literal.charAt(0);
  if (delimiter === "`") return body.replaceAll("\r", "");
  const other = delimiter === '"' ? "'" : '"';
  const bytes: Buffer[] = [];
  let read = 0;
  for (const match of body.matchAll(LITERAL_PARTS)) {
    const [part, byte, short, long, octal, named, plain] = match;
    if (match.index !== read || named === other || plain === "\n" || plain === delimiter) return undefined;
    read += part.length;
    const value = byte !== undefined ? Number.parseInt(byte, 16) : octal !== undefined ? Number.parseInt(octal, 8) : 0;
    if (value > 0xff) return undefined;
    const codePoint = short ?? long;
    if (byte !== undefined || octal !== undefined) bytes.push(Buffer.from([value]));
    else if (codePoint === undefined)
      bytes.push(Buffer.from(named === undefined ? (plain ?? "") : (ESCAPES[named] ?? "")));
    else if (Number.parseInt(codePoint, 16) > 0x10ffff) return undefined;
    else bytes.push(Buffer.from(String.fromCodePoint(Number.parseInt(codePoint, 16))));
  }
  return read === body.length ? Buffer.concat(bytes).toString() : undefined;
}
