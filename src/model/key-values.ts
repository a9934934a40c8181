import { EngineError } from "../errors.ts";

/** Splits at the first `=`; the value is `undefined` where there is none. */
export function splitKeyValue(text: string): { readonly key: string; readonly value: string | undefined } {
  const equals = text.indexOf("=");
  return equals === -1
    ? { key: text, value: undefined }
    : { key: text.slice(0, equals), value: text.slice(equals + 1) };
}

/** Makes a map of `key=value` texts: the last of a key counts, a bare key has the value `""`. */
export function keyValueMap(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map(splitKeyValue).map(({ key, value }) => [key, value ?? ""]));
}

/**
 * Checks a `--label`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseLabel(text: string): string {
  if (splitKeyValue(text).key === "") throw new EngineError("invalid-argument", `invalid label '${text}': empty name`);
  return text;
}

/** Looks a variable up in the caller's own environment; `undefined` where it is not set. */
export type EnvironmentLookup = (name: string) => string | undefined;

/**
 * Reads a `-e`: a bare name takes the caller's value, or removes the image's variable if the caller has none.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseEnvironmentVariable(text: string, lookUp: EnvironmentLookup): string {
  const { key, value } = splitKeyValue(text);
  if (key === "") throw new EngineError("invalid-argument", `invalid environment variable: ${text}`);
  if (value !== undefined) return text;
  const own = lookUp(key);
  return own === undefined ? key : `${key}=${own}`;
}

/** How the lines of a file of `KEY=value` lines are read. */
export interface KeyValueFile {
  readonly path: string;
  readonly content: Uint8Array;
  /** Names the kind of file in errors: `env file`, `label file`. */
  readonly kind: string;
  /** What becomes of a bare key: its value from here; left out if that is `undefined`. */
  readonly lookUp: EnvironmentLookup;
}

/**
 * Reads the lines of an `--env-file` or `--label-file`: comments begin with `#`, white space before a line does not
 * count, white space behind a value does.
 *
 * @throws EngineError `invalid-argument`, naming the file.
 */
export function parseKeyValueFile({ path, content, kind, lookUp }: KeyValueFile): string[] {
  const refuse = (reason: string): never => {
    throw new EngineError("invalid-argument", `invalid ${kind} (${path}): ${reason}`);
  };
  const lines = decodeLines(content, (line) => refuse(`invalid utf8 bytes at line ${line}`));
  return lines.flatMap((raw) => {
    const line = raw.trimStart();
    if (line === "" || line.startsWith("#")) return [];
    const { key, value } = splitKeyValue(line);
    if (/\s/.test(key)) refuse(`variable '${key}' contains whitespaces`);
    if (key === "") refuse(`no variable name on line '${line}'`);
    const found = value ?? lookUp(key);
    return found === undefined ? [] : [`${key}=${found}`];
  });
}

function decodeLines(content: Uint8Array, onInvalid: (line: number) => never): string[] {
  const text = new TextDecoder("utf-8").decode(content);
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
  const broken = lines.findIndex((line) => line.includes("\uFFFD"));
  if (broken !== -1 && !isUtf8(content)) onInvalid(broken + 1);
  return lines;
}

function isUtf8(content: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(content);
    return true;
  } catch {
    return false;
  }
}
