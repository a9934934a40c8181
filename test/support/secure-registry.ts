import { createSign, randomUUID, X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { createServer, IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTlsServer, request as tlsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Certificate, makeAuthority, signCertificate } from "./certificates.ts";
import { startDaemon } from "./daemon.ts";
import { runProgram } from "./program.ts";
import { freePort } from "./registry.ts";

export const USERNAME = "me";
export const PASSWORD = "secret-7c1";
/** PASSWORD, as bcrypt has it. */
const PASSWORD_HASH = "$2b$05$abcdefghijklmnopqrstuu1dZsHcQd1AnmyPJvVAKN1Rp3wgCg7gC";
const REFRESH_TOKEN = "refresh-91d";
const ISSUER = "wharf tests";

/** A docker-registry that is no host on loopback, with an authority of its own. */
export interface SecureRegistry extends AsyncDisposable {
  /** `IP:PORT`, the domain of its references. */
  readonly host: string;
  readonly directory: string;
  readonly authority: Certificate;
  /** What its token server was asked, and what it answers. */
  readonly tokens: TokenServer;
}

export interface TokenRequest {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
}

/** A token server of the test's own, whose tokens the registry takes. */
export interface TokenServer {
  readonly requests: TokenRequest[];
  /** How long the next tokens are good for, whatever they say. */
  lifetimeS: number;
  /** Gives a token that buys others to who asks for one. */
  givesRefreshTokens: boolean;
}

export interface SecureRegistryOptions {
  readonly auth?: "basic" | "token";
  /** Asks its clients for certificates of the authority. */
  readonly clientCertificates?: boolean;
}

/** Starts one on an address of its own, which the caller's network namespace gets for as long. */
export async function startSecureRegistry(options: SecureRegistryOptions = {}): Promise<SecureRegistry> {
  const directory = await mkdtemp(join(tmpdir(), "wharf-s-"));
  const port = await freePort();
  // A port is nobody else's at the moment, and the address follows from it.
  const address = `10.231.${port >> 8}.${port & 0xff}`;
  await runProgram("ip", ["address", "add", `${address}/32`, "dev", "lo"]);
  await mkdir(join(directory, "storage"));
  const authority = await makeAuthority(directory);
  const server = await signCertificate(directory, authority, { name: "server", address });
  await writeFile(join(directory, "htpasswd"), `${USERNAME}:${PASSWORD_HASH}\n`);
  const signer = { cert: join(directory, "tokens.crt"), key: join(directory, "tokens.key") };
  const rsa = ["-newkey", "rsa:2048", "-nodes", "-subj", "/CN=tokens", "-days", "2"];
  await runProgram("openssl", ["req", "-x509", ...rsa, "-keyout", signer.key, "-out", signer.cert]);
  const tokens = await OwnTokenServer.start(address, server, signer);
  const configPath = join(directory, "config.yml");
  await writeFile(
    configPath,
    configOf({ ...options, directory, address, port, server, authority, signer, realm: tokens.realm }),
  );
  const daemon = await startDaemon("docker-registry", ["serve", configPath], {
    logPath: join(directory, "registry.log"),
    isReady: async () =>
      await answers(`https://${address}:${port}/v2/`, authority, options.clientCertificates ? server : undefined),
  });
  return {
    host: `${address}:${port}`,
    directory,
    authority,
    tokens,
    async [Symbol.asyncDispose]() {
      await daemon.stop();
      await tokens.stop();
      await runProgram("ip", ["address", "delete", `${address}/32`, "dev", "lo"]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface ConfigFacts extends SecureRegistryOptions {
  readonly directory: string;
  readonly address: string;
  readonly port: number;
  readonly server: Certificate;
  readonly authority: Certificate;
  readonly signer: Certificate;
  readonly realm: string;
}

function configOf({ auth, clientCertificates, directory, address, port, ...facts }: ConfigFacts): string {
  const { server, authority, signer, realm } = facts;
  const clients = clientCertificates ? `    clientcas: [${authority.cert}]\n` : "";
  const basic = `auth: { htpasswd: { realm: here, path: ${directory}/htpasswd } }\n`;
  const token = `auth: { token: { realm: "${realm}", service: tests, issuer: "${ISSUER}", rootcertbundle: ${signer.cert} } }\n`;
  return `version: 0.1
log: { level: warn }
storage:
  filesystem: { rootdirectory: ${directory}/storage }
  delete: { enabled: true }
http:
  addr: ${address}:${port}
  tls:
    certificate: ${server.cert}
    key: ${server.key}
${clients}${auth === "basic" ? basic : auth === "token" ? token : ""}`;
}

async function answers(url: string, { cert }: Certificate, client: Certificate | undefined): Promise<boolean> {
  const ca = await readFile(cert);
  const own = client && { cert: await readFile(client.cert), key: await readFile(client.key) };
  return await new Promise((resolve, reject) => {
    const request = tlsRequest(url, { ca, ...own, agent: false }, (response) => {
      response.resume();
      resolve((response.statusCode ?? 500) < 500);
    });
    request.once("error", reject);
    request.end();
  });
}

class OwnTokenServer implements TokenServer {
  readonly requests: TokenRequest[] = [];
  lifetimeS = 300;
  givesRefreshTokens = false;
  private server: ReturnType<typeof createServer> | undefined;

  static async start(address: string, certificate: Certificate, signer: Certificate): Promise<OwnTokenServer> {
    const tokens = new OwnTokenServer(address, await readFile(signer.cert, "utf8"), await readFile(signer.key, "utf8"));
    const tls = { cert: await readFile(certificate.cert), key: await readFile(certificate.key) };
    tokens.server = createTlsServer(tls, (request, response) => void tokens.answer(request, response)) as never;
    await new Promise<void>((resolve) => tokens.server?.listen(0, address, resolve));
    return tokens;
  }

  private constructor(
    private readonly address: string,
    private readonly certificate: string,
    private readonly key: string,
  ) {}

  get realm(): string {
    const listening = this.server?.address() as AddressInfo | undefined;
    return `https://${this.address}:${listening?.port}/token`;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url = "", headers } = request;
    const text = method === "POST" ? Buffer.concat(chunks).toString() : url.slice(url.indexOf("?") + 1);
    const query = new URLSearchParams(text);
    this.requests.push({ method, query, authorization: headers.authorization });
    const basic = `Basic ${Buffer.from(`${USERNAME}:${PASSWORD}`).toString("base64")}`;
    const isKnown = method === "POST" ? query.get("refresh_token") === REFRESH_TOKEN : headers.authorization === basic;
    if (headers.authorization !== undefined && !isKnown) {
      response.writeHead(401).end(JSON.stringify({ details: "incorrect username or password" }));
      return;
    }
    const scopes = query.getAll("scope").flatMap((scope) => scope.split(" "));
    const refreshes = this.givesRefreshTokens && query.get("offline_token") === "true" && isKnown;
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        access_token: this.sign(isKnown ? scopes : []),
        expires_in: 300,
        ...(refreshes && { refresh_token: REFRESH_TOKEN }),
      }),
    );
  }

  private sign(scopes: readonly string[]): string {
    const der = new X509Certificate(this.certificate).raw.toString("base64");
    const now = Math.floor(Date.now() / 1000);
    const access = scopes
      .filter((scope) => scope !== "")
      .map((scope) => {
        const [type, name, actions = ""] = scope.split(":");
        return { type, name, actions: actions.split(",") };
      });
    const claims = {
      ...{ iss: ISSUER, sub: USERNAME, aud: "tests", jti: randomUUID(), access },
      ...{ iat: now - 60, nbf: now - 60, exp: now + this.lifetimeS },
    };
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const signed = `${encode({ typ: "JWT", alg: "RS256", x5c: [der] })}.${encode(claims)}`;
    return `${signed}.${createSign("sha256").update(signed).sign(this.key, "base64url")}`;
  }
}
