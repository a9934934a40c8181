import { EngineError } from "../errors.ts";

/** Options of mount(8) that a tmpfs understands and that stand alone; each word with the one that undoes it. */
const FLAG_PAIRS: readonly (readonly [string, string])[] = [
  ["ro", "rw"],
  ["suid", "nosuid"],
  ["dev", "nodev"],
  ["exec", "noexec"],
  ["sync", "async"],
  ["dirsync", "nodirsync"],
  ["remount", "noremount"],
  ["mand", "nomand"],
  ["atime", "noatime"],
  ["diratime", "nodiratime"],
  ["bind", "rbind"],
  ["relatime", "norelatime"],
  ["strictatime", "nostrictatime"],
];
const LONE_FLAGS = [
  "defaults",
  ...["private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"],
];
const VALUED = ["mode", "uid", "gid", "size", "nr_blocks", "nr_inodes", "mpol"];

/**
 * Lays a tmpfs's options over the defaults: of two that exclude each other, or two values of one, the later counts.
 *
 * @throws EngineError `invalid-argument` for an option that a tmpfs does not have.
 */
export function mergeTmpfsOptions(options: readonly string[]): string[] {
  const merged = new Map<string, string>();
  for (const option of options) {
    const kind = kindOf(option);
    merged.delete(kind);
    merged.set(kind, option);
  }
  return [...merged.values()];
}

/** @throws EngineError `invalid-argument` for options that `mergeTmpfsOptions` would refuse. */
export function checkTmpfsOptions(text: string): void {
  mergeTmpfsOptions(text.split(",").filter((option) => option !== ""));
}

/** What an option is about; two of the same kind cannot both be. */
function kindOf(option: string): string {
  const equals = option.indexOf("=");
  if (equals !== -1) {
    const name = option.slice(0, equals);
    if (VALUED.includes(name)) return name;
  }
  const pair = FLAG_PAIRS.find((words) => words.includes(option));
  if (pair !== undefined) return pair.join("/");
  if (LONE_FLAGS.includes(option)) return LONE_FLAGS.indexOf(option) === 0 ? option : "propagation";
  throw new EngineError("invalid-argument", `invalid tmpfs option ${JSON.stringify(option)}`);
}
