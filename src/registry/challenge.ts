/** One way to authenticate that a server offered in `WWW-Authenticate`. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const SCHEME = /\s*,?\s*([A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]*)(?:\s+|$)/y;
const PARAMETER = /\s*,?\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))/y;

/** Reads a `WWW-Authenticate` header, which may hold several challenges (RFC 9110, section 11.6.1). */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let position = 0;
  for (;;) {
    SCHEME.lastIndex = position;
    const scheme = SCHEME.exec(header);
    if (!scheme?.[1]) {
      return challenges;
    }
    position = SCHEME.lastIndex;
    const parameters: Record<string, string> = {};
    for (;;) {
      PARAMETER.lastIndex = position;
      const parameter = PARAMETER.exec(header);
      if (!parameter?.[1]) {
        break;
      }
      position = PARAMETER.lastIndex;
      parameters[parameter[1].toLowerCase()] = parameter[2]?.replace(/\\(.)/g, "$1") ?? parameter[3] ?? "";
    }
    challenges.push({ scheme: scheme[1].toLowerCase(), parameters });
  }
}
