import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import type { Trust } from "./hosts.ts";

/**
 * What docker makes of the files in `/etc/docker/certs.d/<host>`: `*.crt` are authorities, `*.cert` with a `*.key`
 * beside it is a certificate of ours. Nothing where the directory is absent.
 *
 * @throws EngineError `failed-precondition` for a certificate without a key.
 */
export async function readCertificateDirectory(directory: string): Promise<Trust> {
  const names = (await readdir(directory).catch(() => [])).sort();
  const ca = names.filter((name) => name.endsWith(".crt")).map((name) => join(directory, name));
  const clients = names
    .filter((name) => name.endsWith(".cert"))
    .map((name) => {
      const key = name.replace(/cert$/, "key");
      if (!names.includes(key)) {
        const message = `missing key ${key} for client certificate ${join(directory, name)}`;
        const hint = "An authority's certificate has the extension .crt.";
        throw new EngineError("failed-precondition", message, { hint });
      }
      return { cert: join(directory, name), key: join(directory, key) };
    });
  return { ...(ca.length > 0 && { ca }), ...(clients.length > 0 && { clients }) };
}
