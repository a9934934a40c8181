/**
 * Length in bits of each symbol's code, RFC 7541 appendix B: 256 octets and the end of string, a length being one
 * digit of base 36. The code is canonical (codes of one length are consecutive numbers, in the order of their symbols,
 * and shorter codes come first), so that the lengths say all.
 */
const CODE_LENGTHS =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq" +
  "u";
const LONGEST_CODE = 30;
const END_OF_STRING = 256;

interface CodeTable {
  /** By length: the first code, how many there are, and where their symbols start in `symbols`. */
  readonly first: readonly number[];
  readonly count: readonly number[];
  readonly start: readonly number[];
  readonly symbols: readonly number[];
}

const TABLE = buildTable();

/** Decodes a Huffman-coded string. @throws RangeError for what no encoder makes. */
export function decodeHuffman(bytes: Uint8Array): string {
  let text = "";
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      length++;
      if (length > LONGEST_CODE) throw new RangeError("not a Huffman code of HPACK");
      const index = code - (TABLE.first[length] as number);
      if (index < 0 || index >= (TABLE.count[length] as number)) continue;
      const symbol = TABLE.symbols[(TABLE.start[length] as number) + index] as number;
      if (symbol === END_OF_STRING) throw new RangeError("a Huffman string of HPACK holds its own end");
      text += String.fromCharCode(symbol);
      code = 0;
      length = 0;
    }
  }
  // The last byte is filled up with the beginning of END_OF_STRING, which is all ones.
  if (length > 7 || code !== (1 << length) - 1) throw new RangeError("a Huffman string of HPACK ends within a code");
  return text;
}

function buildTable(): CodeTable {
  const lengths = Array.from(CODE_LENGTHS, (digit) => Number.parseInt(digit, 36));
  const first: number[] = [0];
  const count: number[] = [0];
  const start: number[] = [0];
  const symbols: number[] = [];
  for (let length = 1, code = 0; length <= LONGEST_CODE; length++) {
    code <<= 1;
    first[length] = code;
    start[length] = symbols.length;
    lengths.forEach((candidate, symbol) => {
      if (candidate === length) symbols.push(symbol);
    });
    count[length] = symbols.length - (start[length] as number);
    code += count[length] as number;
  }
  return { first, count, start, symbols };
}
