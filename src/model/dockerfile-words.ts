import { EngineError } from "../errors.ts";

/** Looks up `$NAME`. */
type Lookup = (name: string) => string | undefined;

/**
 * Splits the arguments of a Dockerfile instruction into words as docker does: at blanks outside of quotes, with quotes
 * and backslashes taken away and `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}` replaced.
 *
 * @throws EngineError `invalid-argument` for a quote or a brace that does not end.
 */
export function dockerfileWords(text: string, lookup: Lookup): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === "" && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word ??= "";
    if (character === quote) quote = "";
    else if (quote === "" && (character === '"' || character === "'")) quote = character;
    else if (character === "\\" && quote !== "'" && at + 1 < text.length) {
      at += 1;
      const next = text.charAt(at);
      word += quote === '"' && !/["$\\]/.test(next) ? `\\${next}` : next;
    } else if (character === "$" && quote !== "'") {
      const { value, length } = expand(text.slice(at), lookup);
      word += value;
      at += length - 1;
    } else word += character;
  }
  if (quote !== "") {
    throw new EngineError("invalid-argument", "unexpected end of statement while looking for matching quote");
  }
  return word === undefined ? words : [...words, word];
}

/** The value of the variable that a text begins with, and how much of the text that is. */
function expand(text: string, lookup: Lookup): { readonly value: string; readonly length: number } {
  const [plain, name] = /^\$([A-Za-z_][A-Za-z0-9_]*)/.exec(text) ?? [];
  if (plain !== undefined && name !== undefined) return { value: lookup(name) ?? "", length: plain.length };
  if (!text.startsWith("${")) return { value: "$", length: 1 };
  const [braced, variable = "", operator, operand = ""] =
    /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])([^}]*))?\}/.exec(text) ?? [];
  if (braced === undefined) throw new EngineError("invalid-argument", "syntax error: missing '}'");
  const found = lookup(variable);
  const isSet = found !== undefined && found !== "";
  if (operator === "-") return { value: isSet ? found : operand, length: braced.length };
  if (operator === "+") return { value: isSet ? operand : "", length: braced.length };
  return { value: found ?? "", length: braced.length };
}
