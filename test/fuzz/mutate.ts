import type { Random } from "../support/random.ts";

/** What parsers trip over: separators, numbers at the edges, names that JavaScript's objects have, other alphabets. */
const PIECES: readonly string[] = [
  ..." \t\n\r\0,;:=/\\.-_+@#%&*?!|~^$'\"`()[]{}<>0123456789",
  "..",
  "../",
  "//",
  "-1",
  "--",
  "0x10",
  "1e400",
  "4294967296",
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "18446744073709551616",
  "NaN",
  "Infinity",
  "null",
  "true",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "ä",
  "é",
  "日本",
  "\u202e",
  "\u2028",
  "\ufeff",
  "\ud800",
  "😀",
  "%2f",
  "%00",
  "\\u0000",
  "\u001b[2J",
];
const LONGEST = 400;

/** What is put into texts of a kind that has pieces of its own. */
export function wordsWith(pieces: readonly string[]): readonly string[] {
  return [...PIECES, ...pieces, ...pieces];
}

/** A text that begins as one of the seeds and is changed in a few places, often to one of `words`. */
export function mutatedText(random: Random, seeds: readonly string[], words: readonly string[]): string {
  let text = random.oneIn(20) ? "" : random.pick(seeds);
  for (let changes = random.below(6); changes >= 0; changes--) {
    const at = random.below(text.length + 1);
    const length = random.below(4);
    switch (random.below(6)) {
      case 0:
        text = text.slice(0, at) + text.slice(at + length);
        break;
      case 1:
        text = text.slice(0, at) + random.pick(words) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + random.pick(words) + text.slice(at + length);
        break;
      case 3:
        // Once more, a few times: what takes exponential time shows with repetition.
        text = text.slice(0, at) + text.slice(at, at + length + 1).repeat(random.below(30)) + text.slice(at);
        break;
      case 4:
        text = text.slice(0, at) + random.pick(seeds).slice(random.below(10));
        break;
      default:
        text =
          text.slice(0, at) + String.fromCharCode(random.below(random.oneIn(4) ? 0x10000 : 0x80)) + text.slice(at + 1);
    }
    if (text.length > LONGEST && !random.oneIn(50)) text = text.slice(0, LONGEST);
  }
  return text;
}

/** As `mutatedText`, for bytes. */
export function mutatedBytes(random: Random, seeds: readonly Uint8Array[]): Buffer {
  let bytes = Buffer.from(random.oneIn(20) ? [] : random.pick(seeds));
  for (let changes = random.below(8); changes >= 0; changes--) {
    const at = random.below(bytes.length + 1);
    switch (random.below(5)) {
      case 0:
        if (at < bytes.length) bytes[at] = random.below(256);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.below(16))]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), random.pick(EDGES), bytes.subarray(at)]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(seeds)).subarray(random.below(16))]);
    }
  }
  return bytes;
}

const EDGES: readonly Buffer[] = [
  "00",
  "ff",
  "7f",
  "80",
  "ffffffff",
  "7fffffff",
  "80808080808080808080",
  "ffffffffffffffffff7f",
].map((hex) => Buffer.from(hex, "hex"));

/** A value that begins as one of the JSON texts, in which members are taken away, exchanged and added. */
export function mutatedJson(random: Random, seeds: readonly string[]): unknown {
  const value: unknown = JSON.parse(random.pick(seeds));
  let holder: unknown = { value };
  const root = holder as { value: unknown };
  for (let changes = random.below(4); changes >= 0; changes--) {
    holder = root;
    for (;;) {
      const keys = Object.keys(holder as object);
      if (keys.length === 0) break;
      const key = random.pick(keys);
      const member = (holder as Record<string, unknown>)[key];
      if (typeof member === "object" && member !== null && !random.oneIn(4)) {
        holder = member;
        continue;
      }
      if (random.oneIn(5)) delete (holder as Record<string, unknown>)[key];
      else (holder as Record<string, unknown>)[key] = anyValue(random);
      break;
    }
    if (random.oneIn(4) && typeof holder === "object" && holder !== null && !Array.isArray(holder)) {
      Object.defineProperty(holder, random.pick(PIECES), {
        value: anyValue(random),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
  }
  return root.value;
}

function anyValue(random: Random): unknown {
  return random.oneIn(3) ? random.pick(PIECES) : JSON.parse(random.pick(ANY_VALUES));
}

const ANY_VALUES: readonly string[] = [
  "null",
  "true",
  "false",
  "0",
  "-1",
  "1.5",
  "1e300",
  "9007199254740992",
  '""',
  '"x"',
  "[]",
  "{}",
  "[null]",
  '{"a":{}}',
  '["x",5]',
];
