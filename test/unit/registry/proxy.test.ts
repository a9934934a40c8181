import { describe, expect, it } from "vitest";
import { proxyAuthorization, proxyFor } from "../../../src/registry/proxy.ts";

const PROXIES = { HTTP_PROXY: "http://plain.example:3128", HTTPS_PROXY: "secure.example:3129" };

describe("proxyFor", () => {
  it("takes the variable of the scheme, in capitals first, and any scheme for granted", () => {
    expect(proxyFor(new URL("http://a.example/"), PROXIES)?.host).toBe("plain.example:3128");
    expect(proxyFor(new URL("https://a.example/"), { ...PROXIES, https_proxy: "http://other" })?.href).toBe(
      "http://secure.example:3129/",
    );
    expect(proxyFor(new URL("https://a.example/"), { https_proxy: "http://lower" })?.host).toBe("lower");
    expect(proxyFor(new URL("https://a.example/"), {})).toBeUndefined();
  });

  it.each([
    ["*", "anything.example", true],
    ["example.com", "example.com", true],
    ["example.com", "sub.example.com", true],
    ["example.com", "notexample.com", false],
    [".example.com", "sub.example.com", true],
    [".example.com", "example.com", false],
    ["*.example.com", "sub.example.com", true],
    ["example.com:443", "example.com", true],
    ["example.com:8443", "example.com", false],
    ["10.0.0.0/8", "10.1.2.3", true],
    ["10.0.0.0/8", "11.1.2.3", false],
    ["fd00::/8", "[fd12::1]", true],
    ["10.1.2.3", "10.1.2.3", true],
    ["2.3", "10.1.2.3", false],
    ["other, EXAMPLE.com ,third", "example.com", true],
    ["fd00::1", "[fd00::1]", true],
  ])("with NO_PROXY=%s asks %s itself: %s", (exceptions, host, expected) => {
    const found = proxyFor(new URL(`https://${host}/`), { ...PROXIES, NO_PROXY: exceptions });

    expect(found === undefined).toBe(expected);
  });

  it("never lies before loopback", () => {
    for (const host of ["localhost:5000", "127.0.0.1:5000", "[::1]:5000"]) {
      expect(proxyFor(new URL(`http://${host}/`), PROXIES)).toBeUndefined();
    }
  });

  it("is refused without being quoted, as there may be a password in it", () => {
    const environment = { HTTPS_PROXY: "socks5://me:secret@host" };

    expect(() => proxyFor(new URL("https://a.example"), environment)).toThrow(
      "HTTPS_PROXY is not the address of an HTTP proxy",
    );
  });
});

it("tells a proxy who its address says we are", () => {
  expect(proxyAuthorization(new URL("http://me:se%3Acret@p"))).toBe(`Basic ${btoa("me:se:cret")}`);
  expect(proxyAuthorization(new URL("http://p"))).toBeUndefined();
});
