import { EngineError } from "../errors.ts";

/** One step of a pattern: any run of characters but slashes, or one character that satisfies a condition. */
type Step = "run" | ((character: string) => boolean);

/**
 * Matches a name against a shell pattern by the rules of Go's `path.Match`: `*` and `?` do not match a slash, `[a-z]`
 * and `[^a-z]` are classes, a backslash takes the next character as it is. Takes time in proportion to both.
 *
 * @throws EngineError `invalid-argument` for a malformed pattern.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  const steps = parse([...pattern], pattern);
  const characters = [...name];
  let step = 0;
  let at = 0;
  /** Where to go on when a step does not fit: the last run takes one character more. */
  let retry: { readonly step: number; at: number } | undefined;
  while (at < characters.length || step < steps.length) {
    const wanted = steps[step];
    if (wanted === "run") {
      step += 1;
      retry = { step, at };
      continue;
    }
    const character = characters[at];
    if (wanted !== undefined && character !== undefined && wanted(character)) {
      step += 1;
      at += 1;
      continue;
    }
    // An earlier run cannot help: what stands between the two is found already, as early as can be.
    if (retry === undefined || retry.at >= characters.length || characters[retry.at] === "/") return false;
    retry.at += 1;
    step = retry.step;
    at = retry.at;
  }
  return true;
}

function parse(characters: readonly string[], pattern: string): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    if (character === "*") {
      if (steps.at(-1) !== "run") steps.push("run");
    } else if (character === "?") {
      steps.push((candidate) => candidate !== "/");
    } else if (character === "[") {
      const { step, end } = parseClass(characters, at + 1, pattern);
      steps.push(step);
      at = end;
    } else {
      if (character === "\\") at += 1;
      const literal = characters[at];
      if (literal === undefined) throw malformed(pattern);
      steps.push((candidate) => candidate === literal);
    }
  }
  return steps;
}

/** Reads what stands behind a `[`, up to its `]`, whose place is `end`. */
function parseClass(
  characters: readonly string[],
  start: number,
  pattern: string,
): { readonly step: Step; readonly end: number } {
  const negated = characters[start] === "^";
  const ranges: (readonly [low: number, high: number])[] = [];
  let at = negated ? start + 1 : start;
  const next = (): number => {
    if (characters[at] === "\\") at += 1;
    const character = characters[at];
    if (character === undefined || (character === "-" && characters[at - 1] !== "\\")) throw malformed(pattern);
    at += 1;
    return character.codePointAt(0) as number;
  };
  while (characters[at] !== "]" || ranges.length === 0) {
    if (characters[at] === "]") throw malformed(pattern);
    const low = next();
    if (characters[at] !== "-") {
      ranges.push([low, low]);
      continue;
    }
    at += 1;
    ranges.push([low, next()]);
  }
  const step = (candidate: string) => {
    const code = candidate.codePointAt(0) as number;
    return ranges.some(([low, high]) => low <= code && code <= high) !== negated;
  };
  return { step, end: at };
}

function malformed(pattern: string): EngineError {
  return new EngineError("invalid-argument", `syntax error in pattern: ${pattern}`);
}
