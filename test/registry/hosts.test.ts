import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Reference } from "../../src/model/reference.ts";
import { RegistryClient } from "../../src/registry/client.ts";
import type { HostSources } from "../../src/registry/host-configuration.ts";
import { signCertificate } from "../support/certificates.ts";
import { buildImage, randomLayer, type TestImage } from "../support/images.ts";
import { freePort } from "../support/registry.ts";
import { PASSWORD, startSecureRegistry, USERNAME } from "../support/secure-registry.ts";
import { fail, LocalRegistry } from "./local-registry.ts";

const signal = AbortSignal.timeout(150_000);
const IMPATIENT = { attempts: 2, firstDelayMs: 1, maxDelayMs: 10 };
const AUTH = Buffer.from(`${USERNAME}:${PASSWORD}`).toString("base64");

let image: TestImage;
/** Two hosts that have the image; a registry by the name of nobody is served by them. */
let first: LocalRegistry;
let second: LocalRegistry;
let directory: string;
const clients: RegistryClient[] = [];
const reference = Reference.parse("registry.invalid/app:latest");

beforeAll(async () => {
  image = await buildImage({ layers: [randomLayer(20_000)] });
});

beforeEach(async () => {
  first = await LocalRegistry.start(image);
  second = await LocalRegistry.start(image);
  directory = await mkdtemp(join(tmpdir(), "wharf-hosts-"));
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await first[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

function clientWith(hosts: HostSources, environment: Record<string, string> = {}): RegistryClient {
  const options = { configDirectory: directory, userAgent: "wharf-test", retry: IMPATIENT, idleTimeoutMs: 20_000 };
  const client = new RegistryClient({ ...options, hosts, environment });
  clients.push(client);
  return client;
}

/** Writes a file below the directory, and returns its path. */
async function write(name: string, content: string | object): Promise<string> {
  const path = join(directory, name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

/** A client whose `hosts.toml` for the registry is this. */
async function clientOfHostsFile(text: string, name = "registry.invalid"): Promise<RegistryClient> {
  await write(`certs.d/${name}/hosts.toml`, text);
  return clientWith({ hostsDirectories: [join(directory, "certs.d")] });
}

async function readBlob(client: RegistryClient, from = reference): Promise<number> {
  const [layer] = image.layers as [TestImage["layers"][0]];
  let size = 0;
  for await (const chunk of await client.fetchBlob(from, layer, { signal })) size += chunk.length;
  return size;
}

describe("hosts.toml", () => {
  it("has mirrors asked in its order, each of which is told whose image it is to serve", async () => {
    const client = await clientOfHostsFile(
      `server = "http://${second.host}"\n[host."http://${first.host}"]\n[host."http://${first.host}".header]\nX-Tenant = "a"`,
    );

    expect(await client.resolve(reference, { signal })).toMatchObject({ digest: image.target.digest });
    expect(first.log).toEqual(["HEAD /v2/app/manifests/latest?ns=registry.invalid"]);
    expect(first.requests[0]?.headers["x-tenant"]).toBe("a");
    expect(second.log).toEqual([]);
  });

  it.each([404, 429, 500, 403])("has the next host asked after a %d", async (status) => {
    first.intercept = (_, response) => {
      fail(response, status, "TOLD");
      return true;
    };
    const client = await clientOfHostsFile(`server = "http://${second.host}"\n[host."http://${first.host}"]`);

    expect(await client.resolve(reference, { signal })).toMatchObject({ digest: image.target.digest });
    expect(await readBlob(client)).toBeGreaterThan(20_000);
    expect(second.requests.length).toBe(2);
    expect(second.requests[0]?.headers["x-tenant"]).toBeUndefined();
  });

  it("has a mirror that cannot be reached asked last from then on, and one that lies passed over", async () => {
    const gone = await freePort();
    first.intercept = (_, response) => {
      response.setHeader("content-type", image.target.mediaType);
      response.end("{}");
      return true;
    };
    const client = await clientOfHostsFile(
      `server = "http://${second.host}"\n[host."http://127.0.0.1:${gone}"]\n[host."http://${first.host}"]`,
    );
    const digested = reference.withDigest(image.target.digest);

    const { content } = await client.fetchManifest(digested, { signal });

    expect(Buffer.from(content).toString()).toBe(image.manifests.at(-1)?.bytes.toString());
    expect(first.requests.length).toBe(1);
  });

  it("asks a host for nothing that it is not there for", async () => {
    const client = await clientOfHostsFile(
      `server = "http://${second.host}"\n[host."http://${first.host}"]\ncapabilities = ["pull"]`,
    );

    await client.resolve(reference, { signal });
    await client.fetchManifest(reference.withDigest(image.target.digest), { signal });

    expect(first.log).toEqual([`GET /v2/app/manifests/${image.target.digest}?ns=registry.invalid`]);
    expect(second.log).toEqual(["HEAD /v2/app/manifests/latest?ns=registry.invalid"]);
  });

  it("is read from the registry's own directory, with its port in either spelling, before _default", async () => {
    await write("certs.d/_default/hosts.toml", `[host."http://${first.host}"]`);
    await write("certs.d/registry.invalid_5000_/hosts.toml", `[host."http://${second.host}"]`);
    const client = clientWith({ hostsDirectories: [join(directory, "certs.d")] });

    await client.resolve(Reference.parse("registry.invalid:5000/app:latest"), { signal });
    await client.resolve(Reference.parse("other.invalid/app:latest"), { signal });

    expect(second.log).toEqual(["HEAD /v2/app/manifests/latest?ns=registry.invalid%3A5000"]);
    expect(first.log).toEqual(["HEAD /v2/app/manifests/latest?ns=other.invalid"]);
  });

  it("may put the API below a path, or at a path of its own", async () => {
    const seen: string[] = [];
    first.intercept = ({ path }, response) => {
      seen.push(path);
      fail(response, 404, "NAME_UNKNOWN");
      return true;
    };
    const client = await clientOfHostsFile(
      `server = "http://${first.host}/hub"\n[host."http://${first.host}/whole"]\noverride_path = true`,
    );

    await expect(client.resolve(reference, { signal })).rejects.toMatchObject({ code: "not-found" });
    expect(seen.slice(0, 2)).toEqual([
      "/whole/app/manifests/latest?ns=registry.invalid",
      "/hub/v2/app/manifests/latest?ns=registry.invalid",
    ]);
  });

  it("does not send a registry's password to its mirror, nor the mirror's headers anywhere else", async () => {
    const challenge = `Basic realm="here"`;
    first.intercept = ({ path }, response) => {
      if (path.includes("/blobs/")) response.writeHead(307, { location: `http://${second.host}${path}` }).end();
      else {
        response.setHeader("www-authenticate", challenge);
        fail(response, 401, "UNAUTHORIZED");
      }
      return true;
    };
    await write("config.json", { auths: { "registry.invalid": { auth: AUTH } } });
    const client = await clientOfHostsFile(
      `server = "http://${second.host}"\n[host."http://${first.host}"]\n[host."http://${first.host}".header]\nX-Key = "k"`,
    );

    await client.resolve(reference, { signal });
    await readBlob(client);

    expect(JSON.stringify(first.requests)).not.toContain(AUTH);
    expect(JSON.stringify(second.requests)).not.toMatch(/x-key/i);
  });
});

describe("other configurations", () => {
  it("of the CRI plugin: the directory that it names, or its older tables of mirrors, TLS and credentials", async () => {
    await write("dir/registry.invalid/hosts.toml", `[host."http://${first.host}"]`);
    const named = await write(
      "new.toml",
      `[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "${directory}/dir"`,
    );
    await clientWith({ containerdConfig: named }).resolve(reference, { signal });
    expect(first.requests.length).toBe(1);

    second.intercept = ({ headers }, response) => {
      if (headers.authorization === `Basic ${AUTH}`) return false;
      response.setHeader("www-authenticate", 'Basic realm="here"');
      fail(response, 401, "UNAUTHORIZED");
      return true;
    };
    const older = await write(
      "old.toml",
      `[plugins."io.containerd.grpc.v1.cri".registry]
       [plugins."io.containerd.grpc.v1.cri".registry.mirrors."*"]
       endpoint = ["http://${second.host}"]
       [plugins."io.containerd.grpc.v1.cri".registry.configs."${second.host}".auth]
       username = "${USERNAME}"
       password = "${PASSWORD}"`,
    );
    const resolved = await clientWith({ containerdConfig: older }).resolve(reference, { signal });
    expect(resolved.digest).toBe(image.target.digest);
  });

  it("of docker's daemon: mirrors of the Hub, and insecure registries by name or range", async () => {
    const daemonConfig = await write("daemon.json", {
      "registry-mirrors": [`http://${first.host}`],
      "insecure-registries": ["10.231.0.0/16"],
    });
    const client = clientWith({ daemonConfig });

    await client.resolve(Reference.parse("app/app:latest"), { signal }).catch(() => undefined);
    expect(first.log[0]).toBe("HEAD /v2/app/app/manifests/latest?ns=docker.io");

    await using registry = await startSecureRegistry();
    const absent = client.resolve(Reference.parse(`${registry.host}/app:latest`), { signal });
    await expect(absent).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("TLS", () => {
  it("takes the word of the system's authorities, and of those that docker's directory or hosts.toml names", async () => {
    await using registry = await startSecureRegistry({ auth: "token" });
    const { host, authority } = registry;
    const own = Reference.parse(`${host}/app:latest`);
    await write("config.json", { auths: { [host]: { auth: AUTH } } });

    await expect(clientWith({}).resolve(own, { signal })).rejects.toMatchObject({
      code: "unavailable",
      hint: expect.stringContaining(`/etc/docker/certs.d/${host}/ca.crt`),
    });

    await write(`docker/${host}/ca.crt`, await readFile(authority.cert, "utf8"));
    await write(`containerd/${host}/hosts.toml`, `ca = "${authority.cert}"`);
    for (const client of [
      clientWith({ certificates: join(directory, "docker") }),
      clientWith({ hostsDirectories: [join(directory, "docker")] }),
      clientWith({ hostsDirectories: [join(directory, "containerd")] }),
      clientWith({}, { SSL_CERT_FILE: authority.cert }),
      clientWith({}, { NODE_EXTRA_CA_CERTS: authority.cert }),
      clientWith({ insecureRegistries: [host] })
        .resolve(own, { signal })
        .then(
          () => undefined,
          // Of an insecure host any certificate is taken; its token server's is not.
          (error: Error) => expect(error.message).toMatch(/cannot reach registry|not found/),
        ),
    ]) {
      const opened = await client;
      if (opened instanceof RegistryClient) {
        // The registry answered, to a token that it took: there is no such image.
        await expect(opened.resolve(own, { signal })).rejects.toMatchObject({ code: "not-found" });
      }
    }
  });

  it("shows a client's certificate to a registry that asks for one", async () => {
    await using registry = await startSecureRegistry({ clientCertificates: true });
    const { host, authority } = registry;
    const own = Reference.parse(`${host}/app:latest`);
    const client = await signCertificate(registry.directory, authority, { name: "client" });
    await write(`docker/${host}/ca.crt`, await readFile(authority.cert, "utf8"));
    const certificates = join(directory, "docker");

    await expect(clientWith({ certificates }).resolve(own, { signal })).rejects.toMatchObject({ code: "unavailable" });

    await write(`docker/${host}/client.cert`, await readFile(client.cert, "utf8"));
    await expect(clientWith({ certificates }).resolve(own, { signal })).rejects.toThrow("missing key client.key");

    await write(`docker/${host}/client.key`, await readFile(client.key, "utf8"));
    await expect(clientWith({ certificates }).resolve(own, { signal })).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("a proxy", () => {
  it("is asked for hosts that the environment puts behind it: with CONNECT where TLS is spoken, by URL otherwise", async () => {
    await using registry = await startSecureRegistry();
    await using proxy = await startProxy(first.host);
    const environment = {
      HTTP_PROXY: `http://us:pass@${proxy.host}`,
      HTTPS_PROXY: proxy.host,
      SSL_CERT_FILE: registry.authority.cert,
    };
    const client = await clientOfHostsFile(`server = "http://plain.invalid"`);
    await client.close();
    const behind = clientWith({ hostsDirectories: [join(directory, "certs.d")] }, environment);

    await expect(behind.resolve(Reference.parse(`${registry.host}/app:x`), { signal })).rejects.toMatchObject({
      code: "not-found",
    });
    expect(await behind.resolve(reference, { signal })).toMatchObject({ digest: image.target.digest });

    expect(proxy.seen.slice(0, 1)).toEqual([`CONNECT ${registry.host}`]);
    expect(proxy.seen.at(-1)).toBe(
      `HEAD http://plain.invalid/v2/app/manifests/latest?ns=registry.invalid plain.invalid Basic ${btoa("us:pass")}`,
    );

    const around = clientWith({}, { ...environment, NO_PROXY: "10.0.0.0/8" });
    const before = proxy.seen.length;
    await expect(around.resolve(Reference.parse(`${registry.host}/app:x`), { signal })).rejects.toThrow("not found");
    expect(proxy.seen.length).toBe(before);
  });
});

/** A proxy that connects to whom it is told, and answers requests for URLs by `upstream`. */
async function startProxy(upstream: string): Promise<{ host: string; seen: string[] } & AsyncDisposable> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(async (incoming: IncomingMessage, response) => {
    const { method, url = "", headers } = incoming;
    seen.push(`${method} ${url} ${headers.host} ${headers["proxy-authorization"]}`);
    const answer = await fetch(`http://${upstream}${new URL(url).pathname}`, { method: method ?? "GET" });
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end();
  });
  server.on("connect", (request: IncomingMessage, client: Socket) => {
    const target = request.url ?? "";
    seen.push(`CONNECT ${target}`);
    const [host = "", port] = target.split(":");
    const server = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      server.pipe(client).pipe(server);
    });
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
