import { isUtf8 } from "node:buffer";

/** docker reads a container's output in pieces of this size; a longer line becomes several entries. */
export const LONGEST_ENTRY_BYTES = 16 * 1024;

const LF = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** The bytes that stand for themselves inside a JSON string as Go writes it, which escapes HTML. */
const PLAIN = plainBytes();
const HEX = "0123456789abcdef";
/** What stands before the text of every entry. */
export const ENTRY_HEAD = '{"log":"';
/** The first bytes of U+2028 and U+2029, which Go escapes; and of characters that it does not. */
const UTF8_LINE_SEPARATOR = Buffer.from("\u2028").subarray(0, 2);

/**
 * A moment as RFC 3339 with nanoseconds and without trailing zeros, as Go's RFC3339Nano: what docker writes. `atMs` counts
 * from the epoch.
 */
export function logTime(atMs: number): string {
  const seconds = new Date(atMs).toISOString().slice(0, 19);
  const fraction = Math.floor((atMs % 1000) * 1e6)
    .toString()
    .padStart(9, "0")
    .replace(/0+$/, "");
  return fraction === "" ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

/** The same moment with all nine digits, which is how docker prints it. */
export function fixedLogTime(time: string): string {
  const [seconds = "", fraction = ""] = time.replace(/Z$/, "").split(".");
  return `${seconds}.${fraction.padEnd(9, "0")}Z`;
}

/** Upper bound of the bytes that `writeEntry` writes for `length` bytes of output. */
export function entryCapacity(length: number): number {
  return 6 * length + 128;
}

/**
 * Writes `source` as the text of one entry at `offset` of `target`: `{"log":"…"`. Returns the offset behind.
 * Bytes that are not UTF-8 become U+FFFD, as JSON holds text only.
 */
export function writeText(target: Buffer, offset: number, source: Buffer): number {
  const end = source.length;
  let at = offset;
  let read = 0;
  // A word of its own for the common case; all other bytes take the long way.
  for (; read < end; read++) {
    const byte = source[read] as number;
    if (PLAIN[byte] === 0) break;
    target[at++] = byte;
  }
  if (read === end) return at;
  if (read === end - 1 && source[read] === LF) {
    target[at++] = BACKSLASH;
    target[at++] = 0x6e;
    return at;
  }
  let rest = source.subarray(read, end);
  if (!isUtf8(rest)) rest = Buffer.from(rest.toString("utf8"));
  if (rest.includes(UTF8_LINE_SEPARATOR)) return at + target.write(goString(rest.toString("utf8")), at);
  for (let index = 0; index < rest.length; index++) at = writeByte(target, at, rest[index] as number);
  return at;
}

/** Writes one byte of valid UTF-8, escaped as Go's encoder does it. */
function writeByte(target: Buffer, offset: number, byte: number): number {
  let at = offset;
  if (byte >= 0x80 || PLAIN[byte] === 1) {
    target[at++] = byte;
    return at;
  }
  target[at++] = BACKSLASH;
  switch (byte) {
    case QUOTE:
    case BACKSLASH:
      target[at++] = byte;
      break;
    case LF:
      target[at++] = 0x6e;
      break;
    case 0x0d:
      target[at++] = 0x72;
      break;
    case 0x09:
      target[at++] = 0x74;
      break;
    default:
      at += target.write(`u00${HEX[byte >> 4]}${HEX[byte & 15]}`, at);
  }
  return at;
}

/** The inside of a JSON string, with U+2028 and U+2029 escaped. */
function goString(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(
      /[<>&\u2028\u2029]|\\[bf]/g,
      (found) =>
        `\\u${(found === "\\b" ? 8 : found === "\\f" ? 12 : found.charCodeAt(0)).toString(16).padStart(4, "0")}`,
    );
}

function plainBytes(): Uint8Array {
  const plain = new Uint8Array(256);
  for (let byte = 0x20; byte <= 0x7f; byte++) plain[byte] = 1;
  for (const escaped of ['"', "\\", "<", ">", "&"]) plain[escaped.charCodeAt(0)] = 0;
  return plain;
}
