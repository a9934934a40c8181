/**
 * Spells a finite number that is not negative as Go's `strconv.FormatFloat` does for `%e`, `%f` and `%g` (and their
 * capitals, and `%v`, which is `%g`). Without a precision `%g` is the shortest spelling that reads back the same.
 */
export function spellFloat(value: number, verb: string, precision: number | undefined): string {
  switch (verb) {
    case "f":
    case "F":
      return fixed(value, precision ?? 6);
    case "e":
    case "E":
      return goExponent(scientific(value, precision ?? 6), verb);
    default:
      return general(value, precision, verb === "G" ? "E" : "e");
  }
}

/** From which exponent on the shortest spelling is exponential. */
const SHORTEST_EXPONENT = 6;

function general(value: number, precision: number | undefined, letter: "e" | "E"): string {
  const significant = precision === undefined ? undefined : Math.max(precision, 1);
  const [mantissa = "0", exponentText = "0"] = (
    significant === undefined ? value.toExponential() : scientific(value, significant - 1)
  ).split("e");
  const exponent = Number(exponentText);
  const digits = mantissa.replace(".", "").replace(/0+$/, "") || "0";
  if (exponent < -4 || exponent >= exponentLimit(significant, digits.length, exponent)) {
    const shown = digits.length > 1 ? `${digits.charAt(0)}.${digits.slice(1)}` : digits;
    return goExponent(`${shown}e${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`, letter);
  }
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = digits.slice(exponent + 1);
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

function exponentLimit(significant: number | undefined, digits: number, exponent: number): number {
  if (significant === undefined) return SHORTEST_EXPONENT;
  return significant > digits && digits > exponent ? digits : significant;
}

/** The most decimals that JavaScript spells; every float64 that lies halfway between two spellings has fewer. */
const EXACT = 100;

/** `toFixed`, with a tie going to the even digit instead of the larger. */
function fixed(value: number, decimals: number): string {
  if (decimals > EXACT) return fixed(value, EXACT) + "0".repeat(decimals - EXACT);
  const rounded = value.toFixed(decimals);
  if (!isTie(value.toFixed(EXACT), decimals) || Number(rounded.at(-1)) % 2 === 0) return rounded;
  const exact = value.toFixed(EXACT);
  return decimals === 0 ? (exact.split(".")[0] ?? rounded) : exact.slice(0, exact.indexOf(".") + 1 + decimals);
}

/** `toExponential`, with a tie going to the even digit instead of the larger. */
function scientific(value: number, decimals: number): string {
  if (decimals > EXACT) return scientific(value, EXACT).replace("e", `${"0".repeat(decimals - EXACT)}e`);
  const rounded = value.toExponential(decimals);
  const [mantissa = "", exponent = ""] = rounded.split("e");
  const exact = value.toExponential(EXACT);
  const [exactMantissa = ""] = exact.split("e");
  if (!isTie(exactMantissa, decimals) || Number(mantissa.at(-1)) % 2 === 0) return rounded;
  return `${exactMantissa.slice(0, decimals === 0 ? 1 : decimals + 2)}e${exponent}`;
}

/** Whether exactly one half of the last decimal that is kept follows it. */
function isTie(exact: string, decimals: number): boolean {
  const rest = exact.slice(exact.indexOf(".") + 1 + decimals);
  return /^50*$/.test(rest);
}

/** JavaScript's `1e+5` as Go's `1e+05`. */
function goExponent(text: string, letter: "e" | "E"): string {
  return text.replace(/e([+-])(\d+)$/, (_, sign: string, digits: string) => letter + sign + digits.padStart(2, "0"));
}
