import { EngineError } from "../errors.ts";

const KIBI = 1024;
/** What 64 bits cannot hold. */
const LIMIT = 2 ** 63;
const EXPONENTS: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5 };

const DECIMAL_UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

/**
 * Reads an amount of memory as docker does, in bytes: `64m`, `1.5g`, `512`, `10 KiB`. Units are powers of 1024 whatever
 * their spelling.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseByteSize(text: string): number {
  const lastDigit = Math.max(...[..."0123456789. "].map((char) => text.lastIndexOf(char)));
  if (lastDigit === -1) throw new EngineError("invalid-argument", `invalid size: '${text}'`);
  const number = text.slice(0, text[lastDigit] === " " ? lastDigit : lastDigit + 1);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(number)) {
    throw new EngineError("invalid-argument", `strconv.ParseFloat: parsing ${JSON.stringify(number)}: invalid syntax`);
  }
  const value = Number(number);
  // "-0" passes the comparison and must not become a limit of minus zero bytes.
  if (value < 0 || Object.is(value, -0)) throw new EngineError("invalid-argument", `invalid size: '${text}'`);
  const size = Math.trunc(value * multiplierOf(text.slice(lastDigit + 1)));
  if (size >= LIMIT) throw new EngineError("invalid-argument", `invalid size: '${text}'`);
  return size;
}

/** `--memory-swap` and the like, where -1 is unlimited. */
export function parseByteSizeOrUnlimited(text: string): number {
  return text === "-1" ? -1 : parseByteSize(text);
}

function multiplierOf(suffix: string): number {
  const lower = suffix.toLowerCase();
  if (lower === "" || lower === "b") return 1;
  const exponent = EXPONENTS[lower.charAt(0)];
  if (exponent === undefined || !["", "b", "ib"].includes(lower.slice(1))) {
    throw new EngineError("invalid-argument", `invalid suffix: '${suffix.length > 3 ? suffix : lower}'`);
  }
  return KIBI ** exponent;
}

/**
 * Shows a size as docker's tables do, in powers of 1000: `1.23MB`.
 *
 * @param precision significant digits: 3 in the tables of images and containers, 4 elsewhere.
 */
export function formatDecimalSize(sizeBytes: number, precision = 3): string {
  return formatScaled(sizeBytes, { base: 1000, units: DECIMAL_UNITS, precision });
}

/** Shows a size in powers of 1024, as docker shows memory: `1.2MiB`, `512MiB`. */
export function formatBinarySize(sizeBytes: number, precision = 4): string {
  return formatScaled(sizeBytes, { base: KIBI, units: BINARY_UNITS, precision });
}

interface Scale {
  readonly base: number;
  readonly units: readonly string[];
  readonly precision: number;
}

function formatScaled(sizeBytes: number, { base, units, precision }: Scale): string {
  let size = sizeBytes;
  let unit = 0;
  while (size >= base && unit < units.length - 1) {
    size /= base;
    unit++;
  }
  return `${formatSignificant(size, precision)}${units[unit]}`;
}

/** Go's `%.*g`: no trailing zeros, and an exponent once the integer part has more digits than asked for. */
function formatSignificant(value: number, precision: number): string {
  const [mantissa = "", exponent] = value.toPrecision(precision).split("e");
  const trimmed = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return exponent === undefined ? trimmed : `${trimmed}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, "0")}`;
}
