import { EngineError } from "../errors.ts";

/**
 * What docker's `--filter key=value` selects by: a set of values for each key. Values of one key are alternatives,
 * different keys must all match; what "match" means differs from key to key, hence the several methods.
 */
export class Filters {
  private constructor(private readonly byKey: ReadonlyMap<string, ReadonlySet<string>>) {}

  static readonly none = new Filters(new Map());

  /**
   * Reads the values of `--filter` flags.
   *
   * @throws EngineError `invalid-argument` for one without `=`.
   */
  static parse(flags: readonly string[]): Filters {
    const pairs = flags
      .filter((flag) => flag !== "")
      .map((flag): [string, string] => {
        const equals = flag.indexOf("=");
        if (equals === -1)
          throw new EngineError("invalid-argument", "invalid filter: bad format of filter (expected name=value)");
        return [flag.slice(0, equals).trim().toLowerCase(), flag.slice(equals + 1).trim()];
      });
    return Filters.of(pairs);
  }

  /**
   * Reads the Engine API's `filters` parameter: JSON such as `{"status":["exited"]}`, or the older
   * `{"status":{"exited":true}}`.
   *
   * @throws EngineError `invalid-argument`.
   */
  static fromJson(text: string | undefined): Filters {
    if (text === undefined || text === "") return Filters.none;
    const parsed = parseJsonObject(text);
    return Filters.of(
      Object.entries(parsed).flatMap(([key, values]) =>
        valuesOf(values).map((value): [string, string] => [key, value]),
      ),
    );
  }

  private static of(pairs: readonly [key: string, value: string][]): Filters {
    const byKey = new Map<string, Set<string>>();
    for (const [key, value] of pairs) byKey.set(key, (byKey.get(key) ?? new Set()).add(value));
    return new Filters(byKey);
  }

  /** For the Engine API's `filters` parameter. */
  toJson(): string {
    const lists = [...this.byKey].map(([key, values]): [string, string[]] => [key, [...values]]);
    return JSON.stringify(Object.fromEntries(lists));
  }

  get isEmpty(): boolean {
    return this.byKey.size === 0;
  }

  has(key: string): boolean {
    return this.byKey.has(key);
  }

  values(key: string): string[] {
    return [...(this.byKey.get(key) ?? [])];
  }

  /**
   * Refuses keys that the command does not know.
   *
   * @throws EngineError `invalid-argument`.
   */
  checkKeys(known: readonly string[]): this {
    const unknown = [...this.byKey.keys()].find((key) => !known.includes(key));
    if (unknown !== undefined) throw new EngineError("invalid-argument", `invalid filter '${unknown}'`);
    return this;
  }

  /** True when the key is not filtered by, or one of its values is `actual`. */
  matchesExactly(key: string, actual: string): boolean {
    const values = this.byKey.get(key);
    return values === undefined || values.has(actual);
  }

  /** As `matchesExactly`, or one of the values is a beginning of `actual`. */
  matchesPrefix(key: string, actual: string): boolean {
    return this.matchesExactly(key, actual) || this.values(key).some((value) => actual.startsWith(value));
  }

  /** As `matchesExactly`, or one of the values, as a regular expression, is found in `actual`. */
  matchesPattern(key: string, actual: string): boolean {
    return this.matchesExactly(key, actual) || this.values(key).some((value) => patternFinds(value, actual));
  }

  /** True when every value, `name` or `name=value`, is among the labels: here values of one key all must match. */
  matchesLabels(key: string, labels: Readonly<Record<string, string>>): boolean {
    return this.values(key).every((wanted) => {
      const equals = wanted.indexOf("=");
      const name = equals === -1 ? wanted : wanted.slice(0, equals);
      if (!Object.hasOwn(labels, name)) return false;
      return equals === -1 || labels[name] === wanted.slice(equals + 1);
    });
  }

  /**
   * The one value of a key that is true or false; `fallback` where it is absent.
   *
   * @throws EngineError `invalid-argument` for another value, or for both.
   */
  boolean(key: string, fallback: boolean): boolean {
    const values = this.byKey.get(key);
    if (values === undefined) return fallback;
    const isTrue = values.has("1") || values.has("true");
    const isFalse = values.has("0") || values.has("false");
    if (isTrue !== isFalse) return isTrue;
    throw new EngineError("invalid-argument", `invalid filter '${key}=[${[...values].join(" ")}]'`);
  }
}

function patternFinds(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern).test(text);
  } catch {
    // docker skips what is no regular expression: the value may still match exactly.
    return false;
  }
}

function parseJsonObject(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch {
    // Reported below, together with JSON that is no object.
  }
  throw new EngineError("invalid-argument", `invalid filter: ${text}`);
}

function valuesOf(values: unknown): string[] {
  if (Array.isArray(values)) return values.map(String);
  return typeof values === "object" && values !== null ? Object.keys(values) : [];
}
