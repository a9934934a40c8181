import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "./program.ts";

/** A certificate and its key, in PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes an authority of its own in `directory`. */
export async function makeAuthority(directory: string, name = "ca"): Promise<Certificate> {
  const files = { cert: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
  const subject = ["-subj", `/CN=${name}`, "-days", "2", "-keyout", files.key, "-out", files.cert];
  await runProgram("openssl", ["req", "-x509", ...NEW_KEY, ...subject]);
  return files;
}

/** Has the authority sign a certificate for an IP address, or for a client of that name. */
export async function signCertificate(
  directory: string,
  authority: Certificate,
  { name, address }: { readonly name: string; readonly address?: string },
): Promise<Certificate> {
  const files = { cert: join(directory, `${name}.cert`), key: join(directory, `${name}.key`) };
  const [request, extensions] = [join(directory, `${name}.csr`), join(directory, `${name}.ext`)];
  await writeFile(
    extensions,
    address === undefined ? "extendedKeyUsage=clientAuth\n" : `subjectAltName=IP:${address}\n`,
  );
  await runProgram("openssl", ["req", ...NEW_KEY, "-subj", `/CN=${name}`, "-keyout", files.key, "-out", request]);
  const signer = ["-CA", authority.cert, "-CAkey", authority.key, "-CAcreateserial", "-extfile", extensions];
  await runProgram("openssl", ["x509", "-req", "-in", request, "-days", "2", ...signer, "-out", files.cert]);
  return files;
}
