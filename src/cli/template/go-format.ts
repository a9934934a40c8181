import { spellFloat } from "./go-float.ts";
import { quote, quoteAscii, quoteRune } from "./go-quote.ts";
import { elementsOf, fieldsOf, kindOf, NO_VALUE, numberOf, sortedEntries, TypedNil, typeNameOf } from "./go-value.ts";

/** Go's `fmt` package, as far as templates reach it: Sprint, Sprintln, Sprintf. */

/** Formats as `%v`: what a template prints for a value. */
export function sprintValue(value: unknown): string {
  if (value === NO_VALUE || value === null || value === undefined) return "<no value>";
  return formatValue(value, "v", NO_FLAGS);
}

/** As an argument of fmt's functions, where a pointer to a struct shows that it is one. */
function formatOperand(value: unknown, verb: string, flags: FormatFlags): string {
  // `%+v` names fields; the plus has no say about the numbers within.
  const namesFields = verb === "v" && flags.plus;
  const text = formatValue(value, verb, namesFields ? { ...flags, plus: false, fieldNames: true } : flags);
  const pointer = kindOf(value) === "struct" && verb !== "T" && typeNameOf(value).startsWith("*");
  return pointer ? `&${text}` : text;
}

/** Go's `fmt.Sprint`: a space goes between two operands when neither is a string. */
export function sprint(operands: readonly unknown[]): string {
  return operands
    .map((operand, index) => {
      const spaced = index > 0 && kindOf(operand) !== "string" && kindOf(operands[index - 1]) !== "string";
      return (spaced ? " " : "") + formatOperand(operand, "v", NO_FLAGS);
    })
    .join("");
}

/** Go's `fmt.Sprintln`. */
export function sprintln(operands: readonly unknown[]): string {
  return `${operands.map((operand) => formatOperand(operand, "v", NO_FLAGS)).join(" ")}\n`;
}

interface FormatFlags {
  readonly minus: boolean;
  readonly plus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  readonly fieldNames: boolean;
  readonly width: number | undefined;
  readonly precision: number | undefined;
}

const NO_FLAGS: FormatFlags = {
  minus: false,
  plus: false,
  sharp: false,
  space: false,
  zero: false,
  fieldNames: false,
  width: undefined,
  precision: undefined,
};

/** Go takes a wider field, or a greater precision, for a mistake. */
const MAX_WIDTH = 1_000_000;

const DIRECTIVE = /%([-+# 0]*)(\[\d+\]\*|\*|\d+)?(?:\.(\[\d+\]\*|\*|\d+)?)?(\[\d+\])?(.?)/gsu;

/** Go's `fmt.Sprintf`, complaints in the text included: `%!d(string=x)`, `%!s(MISSING)`, `%!(EXTRA int=1)`. */
export function sprintf(format: string, operands: readonly unknown[]): string {
  const directives = new DirectiveFormatter(operands);
  let text = "";
  let end = 0;
  for (const match of format.matchAll(DIRECTIVE)) {
    const [directive, flags = "", width, precision, index, verb = ""] = match;
    text += format.slice(end, match.index);
    end = match.index + directive.length;
    if ([width, precision].some((number) => Number(number) > MAX_WIDTH)) {
      // Go gives up on the rest of the format.
      return `${text}%!(NOVERB)${directives.extra()}`;
    }
    const hasPrecision = /^%[-+# 0]*(?:\[\d+\]\*|\*|\d+)?\./.test(directive);
    text += directives.format(flags, width, hasPrecision ? (precision ?? "0") : undefined, index, verb);
  }
  return text + format.slice(end) + directives.extra();
}

/** Takes the operands one by one, or by `[n]`, as the directives ask for them. */
class DirectiveFormatter {
  private next = 0;
  private reordered = false;

  constructor(private readonly operands: readonly unknown[]) {}

  format(
    flags: string,
    width: string | undefined,
    precision: string | undefined,
    index: string | undefined,
    verb: string,
  ): string {
    const [widthFound, precisionFound] = [this.measure(width), this.measure(precision)];
    const widthValue = widthFound === "bad" ? undefined : widthFound;
    const precisionValue = precisionFound === "bad" ? undefined : precisionFound;
    const complaint = `${widthFound === "bad" ? "%!(BADWIDTH)" : ""}${precisionFound === "bad" ? "%!(BADPREC)" : ""}`;
    return complaint + this.formatMeasured(flags, { width: widthValue, precision: precisionValue }, index, verb);
  }

  private formatMeasured(
    flags: string,
    { width: widthValue, precision: precisionValue }: Pick<FormatFlags, "width" | "precision">,
    index: string | undefined,
    verb: string,
  ): string {
    const badIndex = index !== undefined && !this.jump(index);
    if (verb === "") return "%!(NOVERB)";
    if (verb === "%") return "%";
    if (badIndex) return `%!${verb}(BADINDEX)`;
    if (this.next >= this.operands.length) return `%!${verb}(MISSING)`;
    const negativeWidth = widthValue !== undefined && widthValue < 0;
    const minus = flags.includes("-") || negativeWidth;
    return formatOperand(this.operands[this.next++], verb, {
      minus,
      plus: flags.includes("+"),
      sharp: flags.includes("#"),
      space: flags.includes(" "),
      zero: flags.includes("0") && !minus,
      fieldNames: false,
      width: widthValue === undefined ? undefined : Math.abs(widthValue),
      precision: precisionValue !== undefined && precisionValue < 0 ? undefined : precisionValue,
    });
  }

  /** Go's complaint about operands that no directive took. */
  extra(): string {
    if (this.reordered || this.next >= this.operands.length) return "";
    const extra = this.operands.slice(this.next).map((operand) => {
      return kindOf(operand) === "nil" ? "<nil>" : `${typeNameOf(operand)}=${formatValue(operand, "v", NO_FLAGS)}`;
    });
    return `%!(EXTRA ${extra.join(", ")})`;
  }

  private measure(text: string | undefined): number | "bad" | undefined {
    if (text === undefined) return undefined;
    if (!text.endsWith("*")) return Number(text);
    if (text !== "*" && !this.jump(text.slice(0, -1))) return "bad";
    const operand = this.operands[this.next++];
    if (kindOf(operand) !== "int") return "bad";
    const value = numberOf(operand);
    return Math.abs(value) > MAX_WIDTH ? "bad" : value;
  }

  private jump(index: string): boolean {
    this.reordered = true;
    const position = Number(index.slice(1, -1)) - 1;
    if (position < 0 || position >= this.operands.length) return false;
    this.next = position;
    return true;
  }
}

function formatValue(value: unknown, verb: string, flags: FormatFlags): string {
  if (verb === "T") return pad(typeNameOf(value), flags);
  switch (kindOf(value)) {
    case "nil":
      if (verb === "v") return pad("<nil>", flags);
      return value instanceof TypedNil ? `%!${verb}(${value.typeName}=<nil>)` : `%!${verb}(<nil>)`;
    case "bool":
      return verb === "t" || verb === "v" ? pad(String(value), flags) : badVerb(verb, value);
    case "int":
      return formatInteger(numberOf(value), verb, flags) ?? badVerb(verb, value);
    case "float":
      return formatFloat(numberOf(value), verb, flags) ?? badVerb(verb, value);
    case "string":
      return formatString(String(value), verb, flags) ?? badVerb(verb, value);
    case "list":
      return formatList(elementsOf(value), verb, flags);
    case "map":
      return `map[${sortedEntries(value)
        .map(([key, entry]) => `${formatValue(key, verb, flags)}:${formatValue(entry, verb, flags)}`)
        .join(" ")}]`;
    default:
      return formatStruct(value as object, verb, flags);
  }
}

function badVerb(verb: string, value: unknown): string {
  return `%!${verb}(${typeNameOf(value)}=${formatValue(value, "v", NO_FLAGS)})`;
}

function formatList(elements: readonly unknown[], verb: string, flags: FormatFlags): string {
  return `[${elements.map((element) => formatValue(element, verb, flags)).join(" ")}]`;
}

function formatStruct(value: object, verb: string, flags: FormatFlags): string {
  const fields = fieldsOf(value).map(([name, field]) => {
    return (flags.fieldNames ? `${name}:` : "") + formatValue(field, verb, flags);
  });
  return `{${fields.join(" ")}}`;
}

function formatString(text: string, verb: string, flags: FormatFlags): string | undefined {
  const cut = flags.precision === undefined ? text : [...text].slice(0, flags.precision).join("");
  switch (verb) {
    case "v":
      return pad(flags.sharp ? quote(cut) : cut, flags);
    case "s":
      return pad(cut, flags);
    case "q":
      return pad(flags.sharp && !cut.includes("`") ? `\`${cut}\`` : flags.plus ? quoteAscii(cut) : quote(cut), flags);
    case "x":
    case "X":
      return pad(formatBytes(text, verb, flags), flags);
    default:
      return undefined;
  }
}

function formatBytes(text: string, verb: "x" | "X", flags: FormatFlags): string {
  const bytes = [...Buffer.from(text).subarray(0, flags.precision)].map((byte) => byte.toString(16).padStart(2, "0"));
  const spelled = flags.space
    ? bytes.map((byte) => (flags.sharp ? `0x${byte}` : byte)).join(" ")
    : (flags.sharp && bytes.length > 0 ? "0x" : "") + bytes.join("");
  return verb === "X" ? spelled.toUpperCase() : spelled;
}

const BASES: Readonly<Record<string, readonly [base: number, prefix: string]>> = {
  b: [2, "0b"],
  o: [8, "0"],
  O: [8, "0o"],
  d: [10, ""],
  v: [10, ""],
  x: [16, "0x"],
  X: [16, "0X"],
};

function formatInteger(value: number, verb: string, flags: FormatFlags): string | undefined {
  if (verb === "c") return pad(String.fromCodePoint(value), flags);
  if (verb === "q") return pad(quoteRune(value), flags);
  if (verb === "U") return pad(`U+${value.toString(16).toUpperCase().padStart(4, "0")}`, flags);
  const format = BASES[verb];
  if (format === undefined) return undefined;
  const [base, prefix] = format;
  const digits = value === 0 && flags.precision === 0 ? "" : Math.abs(value).toString(base);
  const spelled = (verb === "X" ? digits.toUpperCase() : digits).padStart(flags.precision ?? 0, "0");
  const shownPrefix = verb === "O" || flags.sharp ? prefix : "";
  const zero = flags.zero && flags.precision === undefined;
  return padNumber(signOf(value, flags), shownPrefix + spelled, { ...flags, zero });
}

function formatFloat(value: number, verb: string, flags: FormatFlags): string | undefined {
  if (!"vgGeEfF".includes(verb)) return undefined;
  if (Number.isNaN(value)) return pad("NaN", { ...flags, zero: false });
  const sign = signOf(Object.is(value, -0) ? -1 : value, flags);
  if (!Number.isFinite(value)) return pad(`${sign === "" ? "+" : sign}Inf`, { ...flags, zero: false });
  return padNumber(sign, spellFloat(Math.abs(value), verb, flags.precision), flags);
}

function signOf(value: number, flags: FormatFlags): string {
  if (value < 0) return "-";
  if (flags.plus) return "+";
  return flags.space ? " " : "";
}

function padNumber(sign: string, digits: string, flags: FormatFlags): string {
  if (flags.zero && flags.width !== undefined) return sign + digits.padStart(flags.width - sign.length, "0");
  return pad(sign + digits, flags);
}

function pad(text: string, flags: FormatFlags): string {
  const missing = (flags.width ?? 0) - [...text].length;
  if (missing <= 0) return text;
  return flags.minus ? text + " ".repeat(missing) : (flags.zero ? "0" : " ").repeat(missing) + text;
}
