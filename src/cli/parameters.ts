import * as OclifArgs from "@oclif/core/args";
import * as OclifFlags from "@oclif/core/flags";
import type { ArgDefinition, BooleanFlag, FlagDefinition } from "@oclif/core/interfaces";
import { EngineError } from "../errors.ts";
import { decodeValue } from "./argv.ts";
import { FlagValueError } from "./usage-error.ts";

/** From text to value. An `EngineError` it throws becomes docker's "invalid argument … for … flag: …". */
export type ParseValue<T> = (text: string) => T;

/** A value that a flag holds one of, or a list of when it is `multiple`. */
type Scalar = string | number | boolean | object;

/**
 * A kind of flag whose text becomes a `T`. `multipleNonGreedy` is set on all of them, as otherwise a repeatable flag
 * takes the image name behind its value: `-e A=1 alpine`.
 */
function flagOf<T extends Scalar>(parse: ParseValue<T>): FlagDefinition<T> {
  // oclif types a flag's parser by what the flag returns in the end, a list for `multiple`; it is called per value.
  const define = OclifFlags.custom as unknown as (defaults: object) => FlagDefinition<T>;
  return define({
    multipleNonGreedy: true,
    parse: async (input: string, _context: unknown, flag: { name: string; char?: string }): Promise<T> => {
      const value = decodeValue(input);
      try {
        return parse(value);
      } catch (error) {
        if (error instanceof EngineError) throw new FlagValueError(flag, value, error.message);
        throw error;
      }
    },
  });
}

/** A kind of argument. Never taken from stdin: `run -i` reads its container's input there. */
function argOf<T>(parse: ParseValue<T>): ArgDefinition<T> {
  return OclifArgs.custom<T>({ ignoreStdin: true, parse: async (input) => parse(input) });
}

/** A switch, false unless given. With `default: undefined` one can tell `--init=false` from its absence. */
function booleanFlag(options: Partial<BooleanFlag<boolean>> = {}): BooleanFlag<boolean> {
  return OclifFlags.boolean({ default: false, ...options });
}

/** Go's `strconv.ParseInt`, whose complaint docker shows. */
function parseInteger(text: string): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new EngineError("invalid-argument", `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** Definitions of positional arguments, in the order in which a command takes them. */
export const Args = {
  string: argOf((text) => text),
  of: argOf,
};

/** Definitions of flags. */
export const Flags = {
  string: flagOf((text) => text),
  integer: flagOf(parseInteger),
  boolean: booleanFlag,
  of: flagOf,
};
