import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { EngineError, expectedFailure } from "../errors.ts";
import type { Trust } from "./hosts.ts";
import type { Environment } from "./proxy.ts";

/** Where distributions keep the authorities that their users trust; the first one that is there counts. */
const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** The system's authorities, as Go's programs find them: Node would take those that were built into it. */
export class TrustedRoots {
  private system: Promise<readonly string[]> | undefined;

  constructor(private readonly environment: Environment) {}

  /** All that is trusted where `ca` is trusted too. @throws EngineError naming a file that cannot be read. */
  async with({ ca = [] }: Trust): Promise<string[]> {
    this.system ??= readSystemRoots(this.environment);
    return [...(await this.system), ...(await Promise.all(ca.map(readCertificate)))];
  }
}

/** Reads a PEM file that a configuration names. @throws EngineError naming it. */
export async function readCertificate(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw expectedFailure(error) ?? new EngineError("invalid-argument", `cannot read ${path}`, { cause: error });
  }
}

async function readSystemRoots(environment: Environment): Promise<readonly string[]> {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: directories, NODE_EXTRA_CA_CERTS: extra } = environment;
  const bundle = await firstReadable(file ? [file] : SYSTEM_BUNDLES);
  const listed = directories ? await Promise.all(directories.split(":").map(readDirectory)) : [];
  const roots = [...(bundle === undefined ? [] : [bundle]), ...listed.flat()];
  const additional = extra ? await firstReadable([extra]) : undefined;
  return [...(roots.length > 0 ? roots : rootCertificates), ...(additional === undefined ? [] : [additional])];
}

async function firstReadable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text !== undefined) return text;
  }
  return undefined;
}

async function readDirectory(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8").catch(() => "")));
  return texts.filter((text) => text.includes("-----BEGIN CERTIFICATE-----"));
}
