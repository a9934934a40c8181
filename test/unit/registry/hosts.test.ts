import { describe, expect, it } from "vitest";
import { domainOfOrigin, hostOfDomain } from "../../../src/registry/hosts.ts";

describe("hostOfDomain", () => {
  it.each(["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"])(
    "tries HTTP on %s, then TLS with any certificate",
    (domain) => {
      const { origins, trust } = hostOfDomain(domain);

      expect({ origins, trust }).toEqual({
        origins: [`http://${domain}`, `https://${domain}`],
        trust: { skipVerify: "host" },
      });
    },
  );

  it("trusts nobody but its authority on loopback, where that is known", () => {
    const trust = { ca: ["/ca.crt"] };

    expect(hostOfDomain("localhost:5000", { trust })).toMatchObject({
      origins: ["https://localhost:5000", "http://localhost:5000"],
      trust,
    });
  });

  it.each(["ghcr.io", "registry.local:5000", "128.0.0.1:5000", "localhost.example.com"])(
    "wants TLS of %s",
    (domain) => {
      expect(hostOfDomain(domain)).toMatchObject({ origins: [`https://${domain}`], trust: {}, isMirror: false });
    },
  );

  it("tries TLS with any certificate, then HTTP, of one that is called insecure", () => {
    expect(hostOfDomain("registry.local:5000", { insecure: true })).toMatchObject({
      origins: ["https://registry.local:5000", "http://registry.local:5000"],
      trust: { skipVerify: "host" },
    });
  });

  it("knows where Docker Hub's API is, and whose credentials are for it", () => {
    const [origin] = hostOfDomain("docker.io").origins;

    expect(origin).toBe("https://registry-1.docker.io");
    expect(domainOfOrigin(origin)).toBe("docker.io");
    expect(domainOfOrigin("https://ghcr.io")).toBe("ghcr.io");
  });
});

it.each(["[e:1]:5000", "localhost:99999", "example.com:70000"])(
  "refuses %s, which a reference may name and no URL",
  (domain) => {
    expect(() => hostOfDomain(domain)).toThrow(`invalid registry host: ${domain}`);
  },
);
