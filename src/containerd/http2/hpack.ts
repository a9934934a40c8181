import { decodeHuffman } from "./huffman.ts";

// Header compression for HTTP/2, RFC 7541, as far as a client needs it that has told its server to use no dynamic
// table: encoding then needs no state, and neither does decoding.

export type HeaderField = readonly [name: string, value: string];

/** RFC 7541 appendix A, indices 1 to 61. */
const STATIC_TABLE: readonly HeaderField[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  ...["200", "204", "206", "304", "400", "404", "500"].map((status): HeaderField => [":status", status]),
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ...(
    "accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control " +
    "content-disposition content-encoding content-language content-length content-location content-range " +
    "content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range " +
    "if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range " +
    "referer refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via " +
    "www-authenticate"
  )
    .split(" ")
    .map((name): HeaderField => [name, ""]),
];

/** Writes header fields: those of the static table by their index, all others as they are. */
export function encodeHeaders(fields: readonly HeaderField[]): Buffer {
  const bytes: number[] = [];
  for (const [name, value] of fields) {
    const exact = STATIC_TABLE.findIndex(([knownName, knownValue]) => knownName === name && knownValue === value);
    if (exact >= 0 && value !== "") {
      writeInteger(bytes, 0x80, 7, exact + 1);
      continue;
    }
    const known = STATIC_TABLE.findIndex(([knownName]) => knownName === name) + 1;
    writeInteger(bytes, 0, 4, known);
    if (known === 0) writeString(bytes, name);
    writeString(bytes, value);
  }
  return Buffer.from(bytes);
}

/** Reads header fields. @throws RangeError for a block that is malformed or uses a dynamic table. */
export function decodeHeaders(block: Uint8Array): Map<string, string> {
  const headers = new Map<string, string>();
  const reader = new BlockReader(block);
  while (!reader.atEnd) {
    const first = reader.peek();
    if (first & 0x80) {
      const [name, value] = staticField(reader.integer(7));
      headers.set(name, value);
    } else if ((first & 0xe0) === 0x20) {
      // The new size of the dynamic table, which we have set to nothing.
      if (reader.integer(5) !== 0) throw new RangeError("the server wants a dynamic header table");
    } else {
      // A literal. The server may ask us to index it; into a table without room that does nothing.
      const index = reader.integer((first & 0xc0) === 0x40 ? 6 : 4);
      const name = index === 0 ? reader.string() : staticField(index)[0];
      headers.set(name, reader.string());
    }
  }
  return headers;
}

function staticField(index: number): HeaderField {
  const field = STATIC_TABLE[index - 1];
  if (!field) throw new RangeError(`no header field has the index ${index}`);
  return field;
}

/** An integer whose first byte shares its upper bits with `flags`. */
function writeInteger(bytes: number[], flags: number, prefixBits: number, value: number): void {
  const limit = (1 << prefixBits) - 1;
  if (value < limit) {
    bytes.push(flags | value);
    return;
  }
  bytes.push(flags | limit);
  let rest = value - limit;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
}

function writeString(bytes: number[], text: string): void {
  const encoded = Buffer.from(text);
  writeInteger(bytes, 0, 7, encoded.length);
  bytes.push(...encoded);
}

class BlockReader {
  private position = 0;

  constructor(private readonly block: Uint8Array) {}

  get atEnd(): boolean {
    return this.position >= this.block.length;
  }

  peek(): number {
    const byte = this.block[this.position];
    if (byte === undefined) throw new RangeError("a header block ends too early");
    return byte;
  }

  integer(prefixBits: number): number {
    const limit = (1 << prefixBits) - 1;
    let value = this.next() & limit;
    if (value < limit) return value;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.next();
      value += (byte & 0x7f) * factor;
      if (value > 0xffff_ffff) throw new RangeError("a number in a header block is too large");
      if (byte < 0x80) return value;
    }
  }

  string(): string {
    const huffman = (this.peek() & 0x80) !== 0;
    const end = this.integer(7) + this.position;
    if (end > this.block.length) throw new RangeError("a header block ends too early");
    const bytes = this.block.subarray(this.position, end);
    this.position = end;
    return huffman ? decodeHuffman(bytes) : Buffer.from(bytes).toString("latin1");
  }

  private next(): number {
    const byte = this.peek();
    this.position++;
    return byte;
  }
}
