import { EngineError } from "../errors.ts";

/**
 * Splits one line of comma-separated values, where a field in double quotes may hold commas: docker's `--mount`,
 * `--network` and `--gpus` are written so.
 *
 * @throws EngineError `invalid-argument` for a stray quote.
 */
export function splitCsv(text: string): string[] {
  const fields: string[] = [];
  let position = 0;
  do {
    const field = text[position] === '"' ? readQuoted(text, position) : readBare(text, position);
    fields.push(field.value);
    position = field.end + 1;
  } while (position <= text.length);
  return fields;
}

interface Field {
  readonly value: string;
  /** Index of the comma behind it, or the text's length. */
  readonly end: number;
}

function readBare(text: string, start: number): Field {
  const comma = text.indexOf(",", start);
  const end = comma === -1 ? text.length : comma;
  const value = text.slice(start, end);
  const quote = value.indexOf('"');
  if (quote !== -1) throw parseError(start + quote, 'bare " in non-quoted-field');
  return { value, end };
}

function readQuoted(text: string, start: number): Field {
  let value = "";
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] !== '"') {
      value += text[index];
    } else if (text[index + 1] === '"') {
      value += '"';
      index++;
    } else if (index + 1 === text.length || text[index + 1] === ",") {
      return { value, end: index + 1 };
    } else {
      throw parseError(index, 'extraneous or missing " in quoted-field');
    }
  }
  throw parseError(text.length, 'extraneous or missing " in quoted-field');
}

function parseError(index: number, reason: string): EngineError {
  return new EngineError("invalid-argument", `parse error on line 1, column ${index + 1}: ${reason}`);
}
