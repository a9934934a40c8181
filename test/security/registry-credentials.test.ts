import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Reference } from "../../src/model/reference.ts";
import { RegistryClient } from "../../src/registry/client.ts";
import { fail, LocalRegistry } from "../registry/local-registry.ts";
import { buildImage, randomLayer, type TestImage } from "../support/images.ts";
import { runProgram } from "../support/program.ts";

const signal = AbortSignal.timeout(120_000);
const PASSWORD = "pa55word-7c1";
const REFRESH_TOKEN = "refresh-91d";

let image: TestImage;
let registry: LocalRegistry;
/** Another host, as far as HTTP is concerned: another port. */
let stranger: LocalRegistry;
let directory: string;
let client: RegistryClient;
let reference: Reference;

beforeAll(async () => {
  image = await buildImage({ layers: [randomLayer(1000)] });
});

beforeEach(async () => {
  registry = await LocalRegistry.start(image);
  stranger = await LocalRegistry.start(image);
  reference = Reference.parse(registry.reference);
  directory = await mkdtemp(join(tmpdir(), "wharf-credentials-"));
  client = new RegistryClient({
    configDirectory: directory,
    userAgent: "wharf-test",
    retry: { attempts: 2, firstDelayMs: 1, maxDelayMs: 10 },
  });
});

afterEach(async () => {
  await client.close();
  await registry[Symbol.asyncDispose]();
  await stranger[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function login(host: string, how: "password" | "identity-token" = "password"): Promise<void> {
  const auth = Buffer.from(`me:${PASSWORD}`).toString("base64");
  const entry = how === "password" ? { auth } : { identitytoken: REFRESH_TOKEN };
  await writeFile(join(directory, "config.json"), JSON.stringify({ auths: { [host]: entry } }));
}

/** Everything that a host was told: paths, headers and bodies. */
function toldTo(host: LocalRegistry): string {
  return JSON.stringify(host.requests);
}

function expectNoSecretsAt(host: LocalRegistry): void {
  const basic = Buffer.from(`me:${PASSWORD}`).toString("base64");
  for (const secret of [PASSWORD, basic, REFRESH_TOKEN]) expect(toldTo(host)).not.toContain(secret);
  expect(host.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
}

async function readBlob(): Promise<Buffer> {
  const [layer] = image.layers as [TestImage["layers"][0]];
  const chunks: Uint8Array[] = [];
  for await (const chunk of await client.fetchBlob(reference, layer, { signal })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("a registry's credentials", () => {
  it("are not for who is found behind a blob's redirect, even if it asks", async () => {
    await login(registry.host);
    registry.intercept = ({ path }, response) => {
      if (!path.includes("/blobs/")) return false;
      response.writeHead(307, { location: `http://${stranger.host}${path}` }).end();
      return true;
    };
    stranger.intercept = (_, response) => {
      response.setHeader("www-authenticate", `Bearer realm="http://${stranger.host}/token",service="registry"`);
      fail(response, 401, "UNAUTHORIZED");
      return true;
    };

    await expect(readBlob()).rejects.toMatchObject({ code: "unauthenticated" });

    expect(stranger.requests.length).toBeGreaterThan(0);
    expectNoSecretsAt(stranger);
  });

  it("are not carried on by a redirect of the token server's", async () => {
    await login(registry.host, "identity-token");
    registry.intercept = ({ path }, response) => {
      if (path.startsWith("/token")) response.writeHead(307, { location: `http://${stranger.host}/token` }).end();
      else {
        response.setHeader("www-authenticate", `Bearer realm="http://${registry.host}/token"`);
        fail(response, 401, "UNAUTHORIZED");
      }
      return true;
    };

    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({
      code: "failed-precondition",
      message: `${registry.host}: redirected a secret to http://${stranger.host}`,
    });

    expect(toldTo(registry)).toContain(REFRESH_TOKEN);
    expect(stranger.requests).toEqual([]);
  });

  it("do not leave TLS because the registry says so: neither by its token server, nor by a redirect", async () => {
    await using secure = await tlsRegistry((path, response) => {
      if (path.includes("/manifests/")) {
        response.setHeader("www-authenticate", `Bearer realm="http://${stranger.host}/token"`);
        fail(response, 401, "UNAUTHORIZED");
      } else if (response.req.headers.authorization === undefined) {
        response.setHeader("www-authenticate", `Basic realm="here"`);
        fail(response, 401, "UNAUTHORIZED");
      } else response.writeHead(307, { location: `http://${stranger.host}${path}` }).end();
    });
    await login(secure.host);
    reference = Reference.parse(`${secure.host}/app:latest`);

    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({
      code: "failed-precondition",
      message: `${secure.host} names a token server that is not spoken to over TLS: http://${stranger.host}`,
    });
    expect(stranger.requests).toEqual([]);

    // A blob may lie anywhere, as it does with docker: its digest is checked, and nobody is told who asks.
    expect((await readBlob()).length).toBeGreaterThan(1000);
    expect(stranger.requests.length).toBe(1);
    expectNoSecretsAt(stranger);
  });

  it("are quoted by no error, neither in its message nor in what --debug adds", async () => {
    registry.intercept = ({ path }, response) => {
      if (path.startsWith("/token")) response.end(`{"token": ${PASSWORD}}`);
      else {
        response.setHeader("www-authenticate", `Bearer realm="http://${registry.host}/token"`);
        fail(response, 401, "UNAUTHORIZED");
      }
      return true;
    };
    const failures: unknown[] = [];
    const attempt = async () => {
      failures.push(await client.resolve(reference, { signal }).catch((error: unknown) => error));
    };
    await attempt();
    await writeFile(join(directory, "config.json"), `{"auths": {"x": {"password": ${PASSWORD}}}}`);
    await attempt();
    await writeFile(join(directory, "config.json"), `{"auths": {"x": {"password": ["${PASSWORD}"]}}}`);
    await attempt();
    await installHelper(`echo '{"Secret": ${PASSWORD}}'`);
    await attempt();

    expect(failures.map((error) => (error as { code?: string }).code)).toEqual([
      "unavailable",
      "invalid-argument",
      "invalid-argument",
      "invalid-argument",
    ]);
    for (const failure of failures) expect(inspect(failure, { depth: 20 })).not.toContain(PASSWORD);
  });
});

describe("a credential helper", () => {
  it("is run in an environment that is not the caller's, and asked on its stdin", async () => {
    registry.intercept = (_, response) => {
      response.setHeader("www-authenticate", `Basic realm="here"`);
      fail(response, 401, "UNAUTHORIZED");
      return true;
    };
    const seen = join(directory, "seen");
    await installHelper(`env > ${seen}; echo "arguments: $*" >> ${seen}; echo "stdin: $(cat)" >> ${seen}; echo {}`);
    const before = { ...process.env };
    Object.assign(process.env, {
      NODE_OPTIONS: "",
      LD_LIBRARY_PATH: "/nowhere",
      OTHER_TOKEN: PASSWORD,
      AWS_PROFILE: "p",
    });
    try {
      await expect(client.resolve(reference, { signal })).rejects.toThrow();
    } finally {
      for (const name of ["NODE_OPTIONS", "LD_LIBRARY_PATH", "OTHER_TOKEN", "AWS_PROFILE"]) delete process.env[name];
      Object.assign(process.env, before);
    }

    const text = await readFile(seen, "utf8");
    expect(text).not.toMatch(/NODE_OPTIONS|LD_LIBRARY_PATH|OTHER_TOKEN/);
    expect(text).toContain("AWS_PROFILE=p\n");
    expect(text).toContain(`arguments: get\nstdin: ${registry.host}\n`);
  });
});

describe("a registry's own words", () => {
  it("do not move the terminal's cursor, and are no longer than a person reads", async () => {
    registry.intercept = (_, response) => {
      fail(response, 500, "\u001b]0;title\u0007BROKEN", `\u001b[2J\u202ehidden ${"x".repeat(100_000)}`);
      return true;
    };

    const error = await client.listTags(reference, { signal }).catch((failure: unknown) => failure);

    const { message } = error as Error;
    expect(message).toContain("hidden xxx");
    expect(message).not.toMatch(/\p{Cc}|\p{Cf}/u);
    expect(message.length).toBeLessThan(3000);
  });

  it.each([
    ["null", "null"],
    ["no list", '{"errors": 5}'],
    ["a list of nothing", '{"errors": [null, 5, "x", [], {"code": {}, "message": []}]}'],
    ["no JSON", "<html>"],
  ])("may be %s", async (_, body) => {
    registry.intercept = (_request, response) => {
      response.writeHead(500).end(body);
      return true;
    };
    await expect(client.listTags(reference, { signal })).rejects.toMatchObject({
      name: "EngineError",
      code: "unavailable",
    });
  });

  it("end, even if its list of tags leads in a circle", async () => {
    registry.intercept = (_, response) => {
      response.setHeader("link", '</v2/app/tags/list?last=a>; rel="next"');
      response.end('{"tags": ["a"]}');
      return true;
    };
    await expect(client.listTags(reference, { signal })).rejects.toThrow("goes round in a circle");
    expect(registry.requests.length).toBe(2);
  });
});

/** Makes a credential helper of a shell script, and has docker's configuration name it. */
async function installHelper(script: string): Promise<void> {
  const name = `wharf-test-${process.pid}`;
  const path = join(directory, `docker-credential-${name}`);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  await writeFile(join(directory, "config.json"), JSON.stringify({ credsStore: name }));
  process.env.PATH = `${directory}:${process.env.PATH}`;
}

type Answer = (path: string, response: import("node:http").ServerResponse) => void;

async function tlsRegistry(answer: Answer): Promise<{ readonly host: string } & AsyncDisposable> {
  const files = { key: join(directory, "key.pem"), cert: join(directory, "cert.pem") };
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=127.0.0.1", "-keyout", files.key, "-out", files.cert];
  await runProgram("openssl", [...request, ...subject]);
  const credentials = { key: await readFile(files.key), cert: await readFile(files.cert) };
  const server = createTlsServer(credentials, (incoming, response) => answer(incoming.url ?? "", response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
