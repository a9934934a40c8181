import { describe, expect, it } from "vitest";
import { readCriConfig } from "../../../src/registry/cri-config.ts";
import { keyOfAddress } from "../../../src/registry/docker-config.ts";
import { readHostsFile } from "../../../src/registry/hosts-file.ts";
import { parseToml } from "../../../src/registry/toml.ts";

const PATH = "/certs.d/docker.io/hosts.toml";

async function read(text: string, domain = "docker.io") {
  return readHostsFile(await parseToml(text, PATH), PATH, domain);
}

describe("hosts.toml", () => {
  it("names mirrors in its own order, each with what it is for and how it is spoken to", async () => {
    const { mirrors, server } = await read(`
server = "https://registry-1.docker.io"

[host."https://z.example:8443"]
  capabilities = ["pull", "resolve"]
  ca = "ca.crt"
  client = [["client.cert", "client.key"], ["/both.pem"]]
  [host."https://z.example:8443".header]
    X-Tenant = ["a", "b"]

[host."http://a.example/prefix"]
  skip_verify = true
  ca = ["one.crt", "/two.crt"]

[host."b.example/whole/path"]
  override_path = true
  client = "pair.pem"
`);

    expect(mirrors).toEqual([
      {
        origins: ["https://z.example:8443"],
        path: "/v2",
        capabilities: new Set(["pull", "resolve"]),
        trust: {
          ca: ["/certs.d/docker.io/ca.crt"],
          clients: [
            { cert: "/certs.d/docker.io/client.cert", key: "/certs.d/docker.io/client.key" },
            { cert: "/both.pem" },
          ],
        },
        headers: { "x-tenant": "a, b" },
        isMirror: true,
        source: PATH,
      },
      expect.objectContaining({
        origins: ["http://a.example"],
        path: "/prefix/v2",
        capabilities: new Set(["resolve", "pull", "push"]),
        trust: { skipVerify: "redirects", ca: ["/certs.d/docker.io/one.crt", "/two.crt"] },
      }),
      expect.objectContaining({
        origins: ["https://b.example"],
        path: "/whole/path",
        trust: { clients: [{ cert: "/certs.d/docker.io/pair.pem" }] },
      }),
    ]);
    expect(server).toMatchObject({ origins: ["https://registry-1.docker.io"], path: "/v2", isMirror: false });
  });

  it("may leave the registry to its name, and say how that is spoken to", async () => {
    const { mirrors, server, trust, headers } = await read(`ca = "own.crt"\n[header]\n  X-A = "1"\n`, "r.example");

    expect({ mirrors, server, trust, headers }).toEqual({
      mirrors: [],
      server: undefined,
      trust: { ca: ["/certs.d/docker.io/own.crt"] },
      headers: { "x-a": "1" },
    });
  });

  it.each([
    ['server = "ftp://x"', `${PATH}: "ftp://x" is not the address of a host`],
    ['[host."https://a"]\ncapabilities = ["fly"]', `${PATH}: unknown capability fly`],
    ['[host."https://a"]\nca = 5', `${PATH}: host "https://a": ca is not a list`],
    ["server = ", /^\/certs\.d\/docker\.io\/hosts\.toml: Invalid TOML document/],
  ])("is refused by name when it says %j", async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });
});

describe("containerd's config.toml", () => {
  it.each(["io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri", "cri"])(
    "is read where the plugin is called %s",
    async (plugin) => {
      const text = `[plugins."${plugin}".registry]\nconfig_path = "/a:/b"\n`;

      expect(readCriConfig(await parseToml(text, "c"), "c")).toEqual({ config_path: "/a:/b" });
    },
  );
});

it.each([
  ["", "https://index.docker.io/v1/"],
  ["docker.io", "https://index.docker.io/v1/"],
  ["https://index.docker.io/v1/", "https://index.docker.io/v1/"],
  ["localhost:5000", "localhost:5000"],
  ["https://reg.example/v2/", "reg.example"],
  ["http://reg.example:80", "reg.example:80"],
  ["https://reg.example:8443/path", "reg.example:8443"],
  ["reg.example/path", "reg.example"],
  ["[::1]:5000", "[::1]:5000"],
])("credentials for %j are kept under %s", (address, key) => {
  expect(keyOfAddress(address)).toBe(key);
});
