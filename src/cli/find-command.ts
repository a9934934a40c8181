/** What the words of a command line name. */
export type Target =
  | {
      readonly kind: "command";
      readonly id: string;
      /** The words that named it, e.g. `container ls`. */
      readonly calledAs: string;
      readonly argv: readonly string[];
    }
  /** A group such as `container`, perhaps followed by a word that names none of its commands. */
  | { readonly kind: "group"; readonly id: string; readonly rest: readonly string[] }
  | { readonly kind: "unknown" };

/** Ids and aliases as in oclif: words joined by colons. */
export interface CommandNames {
  readonly ids: ReadonlySet<string>;
  /** Alias to id. */
  readonly aliases: Readonly<Record<string, string>>;
}

/** Finds the command with the longest name among the first words: `container ls -a` is `container:ls` with `-a`. */
export function findCommand(words: readonly string[], { ids, aliases }: CommandNames): Target {
  const firstFlag = words.findIndex((word) => word.startsWith("-"));
  const longest = Math.min(firstFlag === -1 ? words.length : firstFlag, MOST_WORDS);
  for (let length = longest; length > 0; length--) {
    const named = words.slice(0, length);
    const key = named.join(":");
    const id = ids.has(key) ? key : aliases[key];
    if (id !== undefined) return { kind: "command", id, calledAs: named.join(" "), argv: words.slice(length) };
  }
  for (let length = longest; length > 0; length--) {
    const group = words.slice(0, length).join(":");
    const isGroup = [...ids].some((id) => id.startsWith(`${group}:`));
    if (isGroup) return { kind: "group", id: group, rest: words.slice(length) };
  }
  return { kind: "unknown" };
}

/** `wharf ctr tasks ls` is the deepest. */
const MOST_WORDS = 3;
