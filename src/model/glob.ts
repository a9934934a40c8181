import { EngineError } from "../errors.ts";

/**
 * Matches a name against a shell pattern by the rules of Go's `path.Match`: `*` and `?` do not match a slash, `[a-z]`
 * and `[^a-z]` are classes, a backslash takes the next character as it is.
 *
 * @throws EngineError `invalid-argument` for a malformed pattern.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  return new RegExp(`^${globToRegExp(pattern)}$`, "su").test(name);
}

const GLOB_TOKEN = /\*|\?|\[(\^?)((?:\\.|[^\]\\])+)\]|\\(.)|[^[\]\\*?]/gsuy;

function globToRegExp(pattern: string): string {
  let source = "";
  let length = 0;
  for (const [token, negation = "", members, escaped] of pattern.matchAll(GLOB_TOKEN)) {
    length += token.length;
    if (token === "*") source += "[^/]*";
    else if (token === "?") source += "[^/]";
    else if (members !== undefined) source += `[${negation}${members.replace(/\\?([\\[\]^])/gu, "\\$1")}]`;
    else source += quote(escaped ?? token);
  }
  if (length !== pattern.length) throw new EngineError("invalid-argument", `syntax error in pattern: ${pattern}`);
  return source;
}

function quote(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/u, "\\$&");
}
