import { describe, expect, it } from "vitest";
import {
  formatBinarySize,
  formatDecimalSize,
  parseByteSize,
  parseByteSizeOrUnlimited,
} from "../../../src/model/byte-size.ts";

describe("parseByteSize", () => {
  it.each([
    ["0", 0],
    ["512", 512],
    ["512b", 512],
    ["1k", 1024],
    ["1kb", 1024],
    ["1KiB", 1024],
    ["64m", 67108864],
    ["64 MB", 67108864],
    ["1.5g", 1610612736],
    [".5m", 524288],
    ["1e3", 1000],
    ["2T", 2199023255552],
    ["1p", 1125899906842624],
  ])("reads %s", (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  it.each([
    ["", "invalid size: ''"],
    ["foo", "invalid size: 'foo'"],
    ["-1", "invalid size: '-1'"],
    ["-0", "invalid size: '-0'"],
    ["5x", "invalid suffix: 'x'"],
    ["5kbx", "invalid suffix: 'kbx'"],
    ["5bb", "invalid suffix: 'bb'"],
    ["5kibi", "invalid suffix: 'kibi'"],
    ["1.2.3m", 'strconv.ParseFloat: parsing "1.2.3": invalid syntax'],
  ])("refuses %j as docker does", (text, message) => {
    expect(() => parseByteSize(text)).toThrow(message);
  });

  it("takes -1 only where there is an unlimited", () => {
    expect(parseByteSizeOrUnlimited("-1")).toBe(-1);
    expect(() => parseByteSizeOrUnlimited("-2")).toThrow("invalid size: '-2'");
  });
});

describe("sizes for people", () => {
  it.each([
    [0, "0B"],
    [999, "999B"],
    [1000, "1kB"],
    [1234567, "1.23MB"],
    [999_900, "1e+03kB"],
    [4_860_000_000, "4.86GB"],
  ])("shows %d in powers of 1000", (bytes, text) => {
    expect(formatDecimalSize(bytes)).toBe(text);
  });

  it.each([
    [0, "0B"],
    [1024, "1KiB"],
    [1_258_291, "1.2MiB"],
    [536_870_912, "512MiB"],
    [2_081_423_360, "1.938GiB"],
  ])("shows %d in powers of 1024", (bytes, text) => {
    expect(formatBinarySize(bytes)).toBe(text);
  });
});

it.each(["1e400", "10241e400", "8192p", "9223372036854775808"])("%s bytes are more than 64 bits hold", (text) => {
  expect(() => parseByteSize(text)).toThrow(`invalid size: '${text}'`);
});
