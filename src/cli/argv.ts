import { UsageError } from "./usage-error.ts";

/** What this step needs to know of a flag; oclif's definitions have this shape. */
export interface FlagShape {
  readonly type: "boolean" | "option";
  readonly char?: string | undefined;
  readonly aliases?: readonly string[] | undefined;
  readonly charAliases?: readonly string[] | undefined;
  readonly multiple?: boolean | undefined;
  readonly allowNo?: boolean | undefined;
}

export interface ArgvRules {
  readonly flags: Readonly<Record<string, FlagShape>>;
  /** The first positional ends the flags: what follows belongs to the container. */
  readonly stopAtPositional: boolean;
}

/** An argv read as docker's own flag library reads it. */
export interface ReadArgv {
  /** Flags in the spelling that oclif's parser cannot misread; the last one of every flag that takes one value. */
  readonly flags: readonly string[];
  readonly positionals: readonly string[];
  /** `--help` (or `-h`, where no flag has that letter) was given: everything else is void. */
  readonly help: boolean;
}

/**
 * Reads an argv as docker does (Go's pflag), and spells it so that oclif's parser comes to the same result. On its own
 * oclif takes `-l` of `run alpine ls -l` for ours, `false` of `--sig-proxy=false` for the image, refuses a repeated
 * flag where docker takes the last, and refuses a value that looks like a flag.
 *
 * @throws UsageError for unknown flags, missing values and malformed booleans, in docker's words.
 */
export function readArgv(argv: readonly string[], rules: ArgvRules): ReadArgv {
  const reader = new ArgvReader(argv, rules);
  return reader.read();
}

/** The argv for oclif's parser: flags, `--`, positionals. */
export function canonicalArgv(read: ReadArgv): string[] {
  return [...read.flags, "--", ...read.positionals];
}

/** Undoes what `readArgv` did to a value that starts with a dash, so that oclif would not take it for a flag. */
export function decodeValue(value: string): string {
  return value.startsWith(DASH_GUARD) ? value.slice(DASH_GUARD.length) : value;
}

/** No argument of a process can hold a NUL, so this prefix is never the user's own. */
const DASH_GUARD = "\0";

const TRUE_WORDS = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE_WORDS = new Set(["0", "f", "F", "FALSE", "false", "False"]);

interface NamedFlag extends FlagShape {
  readonly name: string;
}

class ArgvReader {
  private readonly rest: string[];
  private readonly byName = new Map<string, NamedFlag>();
  private readonly byChar = new Map<string, NamedFlag>();
  /** Spelled flags, keyed by name where only the last counts. */
  private readonly spelled = new Map<string, string[]>();
  private help = false;

  constructor(
    argv: readonly string[],
    private readonly rules: ArgvRules,
  ) {
    this.rest = [...argv];
    for (const [name, shape] of Object.entries(rules.flags)) {
      const flag = { ...shape, name };
      for (const alias of [name, ...(shape.aliases ?? [])]) this.byName.set(alias, flag);
      for (const char of [shape.char, ...(shape.charAliases ?? [])])
        if (char !== undefined) this.byChar.set(char, flag);
    }
  }

  read(): ReadArgv {
    const positionals: string[] = [];
    for (let word = this.rest.shift(); word !== undefined && !this.help; word = this.rest.shift()) {
      if (word === "--") {
        positionals.push(...this.rest.splice(0));
      } else if (word.startsWith("--")) {
        this.readLong(word);
      } else if (word.startsWith("-") && word !== "-") {
        this.readCluster(word);
      } else {
        positionals.push(word);
        if (this.rules.stopAtPositional) positionals.push(...this.rest.splice(0));
      }
    }
    return { flags: [...this.spelled.values()].flat(), positionals, help: this.help };
  }

  private readLong(word: string): void {
    const equals = word.indexOf("=");
    const name = equals === -1 ? word.slice(2) : word.slice(2, equals);
    const value = equals === -1 ? undefined : word.slice(equals + 1);
    const flag = this.byName.get(name);
    if (flag === undefined) {
      this.readUnknown(name === "help", name === "" ? `bad flag syntax: ${word}` : `unknown flag: --${name}`);
    } else if (flag.type === "boolean") {
      this.setBoolean(flag, value);
    } else {
      this.setOption(flag, value ?? this.nextValue(`--${name}`));
    }
  }

  /** Reads `-it`, `-p80:80`, `-p=80:80`, `-p 80:80` and `-d=false`. */
  private readCluster(word: string): void {
    for (let index = 1; index < word.length; index++) {
      const char = word.charAt(index);
      const tail = word.slice(index + 1);
      const flag = this.byChar.get(char);
      if (flag === undefined) {
        this.readUnknown(char === "h", `unknown shorthand flag: '${char}' in ${word}`);
        return;
      }
      if (flag.type === "boolean" && !tail.startsWith("=")) {
        this.setBoolean(flag, undefined);
        continue;
      }
      const value = tail.startsWith("=") && tail.length > 1 ? tail.slice(1) : tail;
      if (flag.type === "boolean") this.setBoolean(flag, value);
      else this.setOption(flag, value === "" ? this.nextValue(`'${char}' in ${word}`) : value);
      return;
    }
  }

  private readUnknown(isHelp: boolean, complaint: string): void {
    if (!isHelp) throw new UsageError(complaint, { exitCode: 125 });
    this.help = true;
  }

  private nextValue(flag: string): string {
    const value = this.rest.shift();
    if (value === undefined) throw new UsageError(`flag needs an argument: ${flag}`, { exitCode: 125 });
    return value;
  }

  private setOption(flag: NamedFlag, value: string): void {
    const spelled = [`--${flag.name}`, value.startsWith("-") ? DASH_GUARD + value : value];
    const earlier = flag.multiple ? (this.spelled.get(flag.name) ?? []) : [];
    this.spelled.set(flag.name, [...earlier, ...spelled]);
  }

  private setBoolean(flag: NamedFlag, word: string | undefined): void {
    if (word === undefined || TRUE_WORDS.has(word)) this.spelled.set(flag.name, [`--${flag.name}`]);
    else if (!FALSE_WORDS.has(word)) throw new UsageError(booleanComplaint(flag, word), { exitCode: 125 });
    else if (flag.allowNo) this.spelled.set(flag.name, [`--no-${flag.name}`]);
    else this.spelled.delete(flag.name);
  }
}

function booleanComplaint(flag: NamedFlag, word: string): string {
  return invalidValue(flag, word, `strconv.ParseBool: parsing ${JSON.stringify(word)}: invalid syntax`);
}

/** docker's complaint about a flag's value. */
export function invalidValue(flag: { name: string; char?: string | undefined }, value: string, reason: string): string {
  const spelling = flag.char === undefined ? `--${flag.name}` : `-${flag.char}, --${flag.name}`;
  return `invalid argument ${JSON.stringify(value)} for ${JSON.stringify(spelling)} flag: ${reason}`;
}
