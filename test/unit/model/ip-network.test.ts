import { describe, expect, it } from "vitest";
import { IpNetwork, macAddressOf } from "../../../src/model/ip-network.ts";

describe("an IPv4 network", () => {
  it("is written without host bits", () => {
    expect(String(IpNetwork.parse("10.4.7.9/20"))).toBe("10.4.0.0/20");
    expect(String(IpNetwork.parse("192.0.2.7"))).toBe("192.0.2.7/32");
    expect(String(IpNetwork.parse("255.255.255.255/1"))).toBe("128.0.0.0/1");
    expect(String(IpNetwork.parse("1.2.3.4/0"))).toBe("0.0.0.0/0");
  });

  it("counts its addresses from its own on", () => {
    const network = IpNetwork.parse("10.255.255.0/23");

    expect(network.size).toBe(512);
    expect(network.at(1)).toBe("10.255.254.1");
    expect(network.at(257)).toBe("10.255.255.1");
    expect(network.indexOf("10.255.255.1")).toBe(257);
    expect(network.contains("10.255.255.255")).toBe(true);
    expect(network.contains("11.0.0.0")).toBe(false);
    expect(network.contains("web")).toBe(false);
  });

  it("overlaps what shares an address with it", () => {
    const network = IpNetwork.parse("10.4.0.0/16");

    expect(network.overlaps(IpNetwork.parse("10.4.9.0/24"))).toBe(true);
    expect(network.overlaps(IpNetwork.parse("10.0.0.0/8"))).toBe(true);
    expect(network.overlaps(IpNetwork.parse("10.5.0.0/16"))).toBe(false);
  });

  it("splits into smaller ones", () => {
    expect([...IpNetwork.parse("10.4.0.0/22").split(24)].map(String)).toEqual([
      "10.4.0.0/24",
      "10.4.1.0/24",
      "10.4.2.0/24",
      "10.4.3.0/24",
    ]);
  });

  it.each(["", "10.4.0.0/33", "10.4.0/24", "10.4.0.256", "10.4.0.0/x", "2001:db8::/32"])("is not %j", (text) => {
    expect(() => IpNetwork.parse(text)).toThrow(`invalid IPv4 network: ${text}`);
  });
});

describe("a MAC address", () => {
  it("follows from the IPv4 address", () => {
    expect(macAddressOf("10.201.15.254")).toBe("02:42:0a:c9:0f:fe");
  });
});
