import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Reference } from "../../src/model/reference.ts";
import { RegistryClient } from "../../src/registry/client.ts";
import { buildImage, randomLayer, type TestImage } from "../support/images.ts";
import { runProgram } from "../support/program.ts";
import { freePort } from "../support/registry.ts";
import { fail, LocalRegistry } from "./local-registry.ts";

const signal = AbortSignal.timeout(120_000);
/** As patient as ever, in a moment. */
const IMPATIENT = { attempts: 3, firstDelayMs: 1, maxDelayMs: 1000 };

let image: TestImage;
let registry: LocalRegistry;
let directory: string;
let client: RegistryClient;
let reference: Reference;

beforeAll(async () => {
  image = await buildImage({ layers: [randomLayer(200_000)] });
});

beforeEach(async () => {
  registry = await LocalRegistry.start(image);
  reference = Reference.parse(registry.reference);
  directory = await mkdtemp(join(tmpdir(), "wharf-registry-"));
  client = new RegistryClient({ configDirectory: directory, userAgent: "wharf-test", retry: IMPATIENT });
});

afterEach(async () => {
  await client.close();
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function configure(config: object): Promise<void> {
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
}

function basic(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}

async function readBlob(offset = 0): Promise<Buffer> {
  const [layer] = image.layers as [TestImage["layers"][0]];
  const chunks: Uint8Array[] = [];
  // A chunk is its reader's until the next one is asked for.
  for await (const chunk of await client.fetchBlob(reference, layer, { offset, signal }))
    chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const layerBytes = (): Buffer => image.blobs.get(image.layers[0]?.digest ?? "") as Buffer;

describe("resolving", () => {
  it("takes one request to a registry that asks for nothing", async () => {
    await client.resolve(reference, { signal });

    expect(registry.log).toEqual(["HEAD /v2/app/manifests/latest"]);
    expect(registry.requests[0]?.headers["user-agent"]).toBe("wharf-test");
    expect(registry.requests[0]?.headers.accept).toContain("application/vnd.oci.image.index.v1+json");
  });

  it("tries all addresses of a name", async () => {
    const port = registry.host.split(":")[1];

    // localhost is ::1 first on many machines, where nobody listens.
    const resolved = await client.resolve(Reference.parse(`localhost:${port}/app:latest`), { signal });

    expect(resolved.digest).toBe(image.target.digest);
  });

  it("hashes the manifest itself where HEAD does not help", async () => {
    registry.intercept = ({ method }, response) => {
      if (method === "HEAD") response.writeHead(405).end();
      else response.setHeader("x-test", "passed on");
      return method === "HEAD";
    };

    expect(await client.resolve(reference, { signal })).toMatchObject({ digest: image.target.digest });
    expect(registry.log).toEqual(["HEAD /v2/app/manifests/latest", "GET /v2/app/manifests/latest"]);
  });

  it("refuses a manifest that is not what its digest says", async () => {
    registry.intercept = (_, response) => {
      response.setHeader("docker-content-digest", image.target.digest);
      response.end("{}");
      return true;
    };

    const resolved = client.fetchManifest(reference.withDigest(image.target.digest), { signal });

    await expect(resolved).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining("manifest verification failed"),
    });
  });

  it("refuses a manifest without end", async () => {
    registry.intercept = (_, response) => {
      response.writeHead(200, { "content-type": image.target.mediaType });
      response.end(Buffer.alloc(5 << 20, " "));
      return true;
    };

    await expect(client.fetchManifest(reference, { signal })).rejects.toMatchObject({ code: "out-of-range" });
  });
});

describe("failures", () => {
  it("name the host and what the system said", async () => {
    const port = await freePort();
    const unreachable = Reference.parse(`127.0.0.1:${port}/app:latest`);

    await expect(client.resolve(unreachable, { signal })).rejects.toMatchObject({
      code: "unavailable",
      message: `cannot reach registry 127.0.0.1:${port}: connection refused`,
    });
  });

  it("tell a repository that is not there from one that is not ours to see, in docker's words", async () => {
    registry.intercept = (_, response) => {
      fail(response, 404, "NAME_UNKNOWN", "repository name not known to registry");
      return true;
    };
    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({
      code: "not-found",
      message: `repository ${reference.familiarRepository} not found: name unknown: repository name not known to registry`,
    });

    registry.intercept = (_, response) => {
      fail(response, 403, "DENIED", "requested access to the resource is denied");
      return true;
    };
    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({
      code: "permission-denied",
      message: `pull access denied for ${reference.familiarRepository}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
    });
  });

  it.each([
    [429, "resource-exhausted"],
    [500, "unavailable"],
    [503, "unavailable"],
    [400, "failed-precondition"],
  ])("of status %d are %s, whatever their body", async (status, code) => {
    registry.intercept = (_, response) => {
      response.writeHead(status, { "docker-distribution-api-version": "registry/2.0" }).end("<html>oops</html>");
      return true;
    };

    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`the registry answered ${status}`),
    });
  });

  it("in the middle of a blob are unavailability, which may be tried again", async () => {
    registry.intercept = (_, response) => {
      response.writeHead(200, { "content-length": 1000 });
      response.write("part");
      setImmediate(() => response.destroy());
      return true;
    };

    await expect(readBlob()).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("blobs", () => {
  it("arrive as they are, several side by side, however fast they are read and in whatever pieces they were sent", async () => {
    const bytes = randomBytes(12_000_000);
    registry.intercept = async (_, response) => {
      // Without a length the body comes in chunks, whose heads stand between the bytes.
      for (let start = 0, size = 1; start < bytes.length; start += size, size = (size * 7) % 900_001) {
        if (!response.write(bytes.subarray(start, start + size))) await once(response, "drain");
      }
      response.end();
      return true;
    };
    const [layer] = image.layers as [TestImage["layers"][0]];

    const digests = [0, 1, 2].map(async (pauses) => {
      const hash = createHash("sha256");
      for await (const chunk of await client.fetchBlob(reference, layer, { signal })) {
        for (let pause = 0; pause < pauses; pause++) await new Promise(setImmediate);
        hash.update(chunk);
      }
      return hash.digest("hex");
    });

    expect(await Promise.all(digests)).toEqual(Array(3).fill(createHash("sha256").update(bytes).digest("hex")));
  });

  it("that are not read to their end take their connection along, and no other", async () => {
    const [layer] = image.layers as [TestImage["layers"][0]];
    const closed: Promise<unknown>[] = [];
    registry.intercept = (_, response) => {
      closed.push(once(response, "close"));
      response.writeHead(200, { "content-length": 50_000_000 });
      response.write(randomBytes(5_000_000));
      return true;
    };
    for await (const _chunk of await client.fetchBlob(reference, layer, { signal })) break;
    await Promise.all(closed);
    registry.intercept = () => false;

    expect((await readBlob()).equals(layerBytes())).toBe(true);
  });

  it("are resumed with a range, and cut where the registry does not know ranges", async () => {
    expect((await readBlob(1234)).equals(layerBytes().subarray(1234))).toBe(true);
    expect(registry.requests[0]?.headers.range).toBe("bytes=1234-");

    registry.intercept = (_, response) => {
      response.end(layerBytes());
      return true;
    };
    expect((await readBlob(1234)).equals(layerBytes().subarray(1234))).toBe(true);
  });
});

describe("authorization", () => {
  /** Asks for a token of its own token server, and accepts `token-N` with the newest N alone. */
  function demandTokens(expiresIn?: number): { issued: number } {
    const state = { issued: 0 };
    registry.intercept = ({ path, headers }, response) => {
      if (path.startsWith("/token")) {
        response.end(JSON.stringify({ token: `token-${++state.issued}`, expires_in: expiresIn }));
        return true;
      }
      if (headers.authorization === `Bearer token-${state.issued}`) return false;
      const realm = `http://${registry.host}/token`;
      response.setHeader("www-authenticate", `Bearer realm="${realm}",service="test",scope="repository:app:pull"`);
      fail(response, 401, "UNAUTHORIZED");
      return true;
    };
    return state;
  }

  it("gets a token anonymously, once for all requests to a repository", async () => {
    demandTokens(300);

    await client.resolve(reference, { signal });
    await Promise.all([readBlob(), readBlob()]);

    expect(registry.log.slice(0, 3)).toEqual([
      "HEAD /v2/app/manifests/latest",
      "GET /token?service=test&scope=repository%3Aapp%3Apull",
      "HEAD /v2/app/manifests/latest",
    ]);
    expect(registry.log.filter((line) => line.includes("/token"))).toHaveLength(1);
    expect(registry.requests[1]?.headers.authorization).toBeUndefined();
  });

  it("renews a token that is about to expire, without being refused first", async () => {
    const state = demandTokens(5);

    await client.resolve(reference, { signal });
    await client.resolve(reference, { signal });

    expect(state.issued).toBe(2);
    expect(registry.log.filter((line) => line.startsWith("HEAD"))).toHaveLength(3);
  });

  it("proves a password to the token server, and to nobody else", async () => {
    demandTokens();
    await configure({ auths: { [registry.host]: { auth: basic("me", "se:cret") } } });

    await client.resolve(reference, { signal });

    const [first, token] = registry.requests;
    expect(first?.headers.authorization).toBeUndefined();
    expect(token?.headers.authorization).toBe(`Basic ${basic("me", "se:cret")}`);
    expect(token?.path).toContain("account=me");
  });

  it("trades an identity token in by OAuth", async () => {
    demandTokens();
    await configure({ auths: { [registry.host]: { auth: basic("me", "x"), identitytoken: "identity" } } });

    await client.resolve(reference, { signal });

    const token = registry.requests[1];
    expect(token?.method).toBe("POST");
    expect(Object.fromEntries(new URLSearchParams(token?.body))).toEqual({
      grant_type: "refresh_token",
      client_id: "wharf",
      refresh_token: "identity",
      service: "test",
      scope: "repository:app:pull",
    });
  });

  it("asks a credential helper before the file", async () => {
    demandTokens();
    const helper = join(directory, "docker-credential-test");
    await writeFile(
      helper,
      `#!/bin/sh\nread host\necho "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"of helper\\"}"\n`,
      {
        mode: 0o755,
      },
    );
    await configure({
      credHelpers: { [registry.host]: "test" },
      auths: { [registry.host]: { auth: basic("a", "b") } },
    });
    const path = process.env.PATH;
    process.env.PATH = `${directory}:${path}`;
    try {
      await client.resolve(reference, { signal });
    } finally {
      process.env.PATH = path;
    }

    expect(registry.requests[1]?.headers.authorization).toBe(`Basic ${basic(registry.host, "of helper")}`);
  });

  it("says which credential helper is missing", async () => {
    demandTokens();
    await configure({ credsStore: "does-not-exist" });

    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({
      message: "error getting credentials from docker-credential-does-not-exist: it is not in $PATH",
    });
  });

  it("answers a basic challenge, and gives up without a password", async () => {
    registry.intercept = ({ headers }, response) => {
      if (headers.authorization === `Basic ${basic("me", "secret")}`) return false;
      response.setHeader("www-authenticate", 'Basic realm="test"');
      fail(response, 401, "UNAUTHORIZED", "authentication required");
      return true;
    };

    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({ code: "permission-denied" });
    await configure({ auths: { [`https://${registry.host}/v1/`]: { username: "me", password: "secret" } } });
    await expect(client.resolve(reference, { signal })).resolves.toMatchObject({ digest: image.target.digest });
  });

  it("does not loop when the registry refuses its own tokens", async () => {
    registry.intercept = ({ path }, response) => {
      if (path.startsWith("/token")) {
        response.end(JSON.stringify({ access_token: "useless" }));
        return true;
      }
      response.setHeader("www-authenticate", `Bearer realm="http://${registry.host}/token"`);
      fail(response, 401, "UNAUTHORIZED");
      return true;
    };

    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({ code: "permission-denied" });
    // HEAD, its token and second try; then the same with GET, which says why.
    expect(registry.requests.length).toBeLessThanOrEqual(6);
  });

  it("reports a token server that refuses", async () => {
    registry.intercept = ({ path }, response) => {
      if (!path.startsWith("/token"))
        response.setHeader("www-authenticate", `Bearer realm="http://${registry.host}/token"`);
      if (path.startsWith("/token")) response.writeHead(401).end(JSON.stringify({ details: "incorrect username" }));
      else fail(response, 401, "UNAUTHORIZED");
      return true;
    };

    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({
      code: "unauthenticated",
      message: expect.stringContaining("incorrect username"),
    });
  });

  it("refuses a malformed configuration", async () => {
    demandTokens();
    await writeFile(join(directory, "config.json"), "{");

    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({ code: "invalid-argument" });
  });
});

describe("redirects", () => {
  it("are followed without the credentials of the first host", async () => {
    await using storage = await LocalRegistry.start(image);
    await configure({ auths: { [registry.host]: { auth: basic("me", "secret") } } });
    registry.intercept = ({ path, headers }, response) => {
      if (headers.authorization === undefined) {
        response.setHeader("www-authenticate", "Basic");
        fail(response, 401, "UNAUTHORIZED");
      } else {
        response.writeHead(307, { location: `http://${storage.host}${path}` }).end();
      }
      return true;
    };

    expect((await readBlob(10)).equals(layerBytes().subarray(10))).toBe(true);

    expect(registry.requests.at(-1)?.headers.authorization).toBe(`Basic ${basic("me", "secret")}`);
    expect(storage.requests[0]?.headers.authorization).toBeUndefined();
    expect(storage.requests[0]?.headers.range).toBe("bytes=10-");
  });

  it("end", async () => {
    registry.intercept = ({ path }, response) => {
      response.writeHead(302, { location: path }).end();
      return true;
    };

    await expect(readBlob()).rejects.toThrow("stopped after 10 redirects");
  });

  it("lead to web addresses alone", async () => {
    registry.intercept = (_, response) => {
      response.writeHead(302, { location: "file:///etc/passwd" }).end();
      return true;
    };

    await expect(readBlob()).rejects.toThrow('redirected to "file:///etc/passwd"');
  });
});

describe("TLS", () => {
  it("is spoken to a registry on loopback that wants it, whoever signed its certificate", async () => {
    const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const subject = ["-subj", "/CN=registry", "-days", "1", "-nodes"];
    await runProgram("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-keyout", key, "-out", cert, ...subject]);
    const server = createTlsServer({ key: await readFile(key), cert: await readFile(cert) }, (_, response) => {
      response.setHeader("docker-content-digest", image.target.digest);
      response.setHeader("content-type", image.target.mediaType);
      response.setHeader("content-length", image.target.size);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

      const resolved = await client.resolve(Reference.parse(`${host}/app:latest`), { signal });

      expect(resolved.digest).toBe(image.target.digest);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
