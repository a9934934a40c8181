/** Marks a numeral among strings; JSON text of a user's own never has an unescaped NUL, and no flag can hold one. */
const NUMERAL = "\0numeral:";
const NUMERAL_IN_JSON = /"\\u0000numeral:(-?\d+)"/g;

/**
 * JSON text of a value whose integers may be `bigint`: 2^64 - 1, "unlimited" to setrlimit(2), has no `number`, and
 * the nearest one is refused by whoever reads it as a 64-bit integer.
 */
export function stringifyExact(value: unknown): string {
  let exact = false;
  const text = JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== "bigint") return member;
    exact = true;
    return `${NUMERAL}${member}`;
  });
  return exact ? text.replace(NUMERAL_IN_JSON, "$1") : text;
}
