import { describe, expect, it } from "vitest";
import { endpointsFor } from "../../../src/registry/hosts.ts";

describe("endpointsFor", () => {
  it.each(["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"])(
    "tries HTTP on %s",
    (domain) => {
      expect(endpointsFor(domain).map(({ origin }) => origin)).toEqual([`http://${domain}`, `https://${domain}`]);
    },
  );

  it.each(["ghcr.io", "registry.local:5000", "128.0.0.1:5000", "localhost.example.com"])(
    "wants TLS of %s",
    (domain) => {
      expect(endpointsFor(domain)).toEqual([{ origin: `https://${domain}`, insecure: false }]);
    },
  );

  it("knows where Docker Hub's API is", () => {
    expect(endpointsFor("docker.io")[0].origin).toBe("https://registry-1.docker.io");
  });
});

it.each(["[e:1]:5000", "localhost:99999", "example.com:70000"])(
  "refuses %s, which a reference may name and no URL",
  (domain) => {
    expect(() => endpointsFor(domain)).toThrow(`invalid registry host: ${domain}`);
  },
);
