/**
 * The inner loop of a json-file log, in AssemblyScript: looks at 16 bytes at a time, and allocates nothing.
 *
 * Lines lie at LINES, and behind them room for 16 bytes more, which are read and mean nothing. What stands between the
 * texts of two entries lies at SEPARATOR, likewise. The entries are written from ENTRIES on; the memory ends where the
 * most that the lines can become does.
 */
export const LINES: usize = 0x1000;
export const SEPARATOR: usize = 0xf000;
export const ENTRIES: usize = 0x10000;

const VECTOR: usize = 16;
const LF: u8 = 0x0a;
const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;

/**
 * Writes the text of each line as Go's JSON encoder does, which escapes HTML, and the separator in the place of each LF.
 * The lines are UTF-8 without U+2028 and U+2029, and the last byte is an LF. Returns how many bytes were written.
 */
export function encodeLines(length: usize, separatorLength: usize): usize {
  const end = LINES + length;
  let source = LINES;
  let target = ENTRIES;
  while (source < end) {
    const block = v128.load(source);
    v128.store(target, block);
    const special = i8x16.bitmask(specialBytes(block));
    const plain: usize = special === 0 ? VECTOR : ctz(special);
    source += plain;
    target += plain;
    // An LF ends the lines, so nothing is looked at twice or behind them.
    if (special === 0) continue;
    const byte = load<u8>(source++);
    target += byte === LF ? copySeparator(target, separatorLength) : writeEscape(target, byte);
  }
  return target - ENTRIES;
}

function specialBytes(block: v128): v128 {
  const control = i8x16.lt_u(block, i8x16.splat(0x20));
  const quoted = v128.or(equal(block, QUOTE), equal(block, BACKSLASH));
  const html = v128.or(v128.or(equal(block, 0x3c), equal(block, 0x3e)), equal(block, 0x26));
  return v128.or(v128.or(control, quoted), html);
}

function equal(block: v128, byte: u8): v128 {
  return i8x16.eq(block, i8x16.splat(byte));
}

function copySeparator(target: usize, length: usize): usize {
  for (let offset: usize = 0; offset < length; offset += VECTOR) {
    v128.store(target + offset, v128.load(SEPARATOR + offset));
  }
  return length;
}

function writeEscape(target: usize, byte: u8): usize {
  store<u8>(target, BACKSLASH);
  switch (byte) {
    case QUOTE:
    case BACKSLASH:
      store<u8>(target + 1, byte);
      return 2;
    case 0x0d:
      store<u8>(target + 1, 0x72);
      return 2;
    case 0x09:
      store<u8>(target + 1, 0x74);
      return 2;
  }
  store<u8>(target + 1, 0x75);
  store<u16>(target + 2, 0x3030);
  store<u8>(target + 4, hexDigit(byte >> 4));
  store<u8>(target + 5, hexDigit(byte & 15));
  return 6;
}

function hexDigit(value: u8): u8 {
  return value < 10 ? 0x30 + value : 0x57 + value;
}
