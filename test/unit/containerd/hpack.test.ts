import { describe, expect, it } from "vitest";
import { decodeHeaders, encodeHeaders } from "../../../src/containerd/http2/hpack.ts";
import { decodeHuffman } from "../../../src/containerd/http2/huffman.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("Huffman strings", () => {
  it.each([
    ["f1e3 c2e5 f23a 6ba0 ab90 f4ff", "www.example.com"],
    ["6402", "302"],
    ["d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3", "https://www.example.com"],
    ["", ""],
  ])("decodes the RFC's %s", (code, text) => {
    expect(decodeHuffman(hex(code))).toBe(text);
  });

  it("decodes octets that are no text", () => {
    const ofOctet0 = 0x1ff8n;
    const ofOctet2 = 0xffffffe2n & 0xfffffffn;
    const bits = (((ofOctet0 << 28n) | ofOctet2) << 7n) | 0x7fn;
    expect(decodeHuffman(hex(bits.toString(16).padStart(12, "0")))).toBe("\0\u0002");
  });

  it.each([
    ["padding that is not ones", "00"],
    ["padding of a whole byte", "64ff ff"],
    ["the end of string within", "ffff ffff"],
  ])("refuses %s", (_, code) => {
    expect(() => decodeHuffman(hex(code))).toThrow(RangeError);
  });
});

describe("header blocks", () => {
  it("come back as they were written", () => {
    const fields = [
      [":method", "POST"],
      [":scheme", "http"],
      [":path", "/containerd.services.version.v1.Version/Version"],
      ["te", "trailers"],
      ["containerd-namespace", "k8s.io"],
      ["long", "x".repeat(5000)],
      ["empty", ""],
    ] as const;
    expect([...decodeHeaders(encodeHeaders(fields))]).toEqual(fields);
  });

  it("use the static table", () => {
    expect(encodeHeaders([[":method", "POST"]])).toEqual(hex("83"));
    expect(encodeHeaders([[":path", "/x"]])).toEqual(hex("04 02 2f78"));
  });

  it("are read in all the ways in which they can be written (RFC 7541, appendix C)", () => {
    const indexed = "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572";
    const notIndexed = "040c 2f73 616d 706c 652f 7061 7468";
    const neverIndexed = "1008 7061 7373 776f 7264 0673 6563 7265 74";
    const huffman = "418c f1e3 c2e5 f23a 6ba0 ab90 f4ff";
    const emptyTable = "20";
    const block = hex(`${emptyTable} 88 ${indexed} ${notIndexed} ${neverIndexed} ${huffman}`);
    expect(Object.fromEntries(decodeHeaders(block))).toEqual({
      ":status": "200",
      "custom-key": "custom-header",
      ":path": "/sample/path",
      password: "secret",
      ":authority": "www.example.com",
    });
  });

  it.each([
    ["an index that only a dynamic table could have", "be"],
    ["a dynamic table of a size", "3fe11f"],
    ["a string that is longer than its block", "400a 6375"],
    ["a number without an end", "ff80"],
    ["a number without a limit", "ffff ffff ffff ffff ff7f"],
  ])("with %s are refused", (_, block) => {
    expect(() => decodeHeaders(hex(block))).toThrow(RangeError);
  });
});
