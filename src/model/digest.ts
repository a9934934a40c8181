import { createHash } from "node:crypto";
import { EngineError } from "../errors.ts";

/** Hexadecimal digits of each algorithm that the OCI image specification registers. */
const HEX_LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

const SHORT_LENGTH = 12;

/** True for `algorithm:hex` with a registered algorithm and as many lower-case digits as it has. */
export function isDigest(text: string): boolean {
  const colon = text.indexOf(":");
  const hex = text.slice(colon + 1);
  return colon > 0 && hex.length === HEX_LENGTHS[text.slice(0, colon)] && /^[a-f0-9]+$/.test(hex);
}

/**
 * Returns `text` when it is a well-formed digest. Whatever came from a registry or an archive passes here before it
 * becomes part of a URL, a file name or a request.
 *
 * @throws EngineError `invalid-argument` otherwise.
 */
export function parseDigest(text: string): string {
  if (!isDigest(text)) {
    throw new EngineError("invalid-argument", `invalid digest: ${JSON.stringify(text)}`);
  }
  return text;
}

/** The part of a digest after its algorithm. */
export function digestHex(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** The algorithm's name, as `node:crypto` knows it. */
export function digestAlgorithm(digest: string): string {
  return digest.slice(0, digest.indexOf(":"));
}

/** The twelve digits that docker shows in tables and progress. */
export function shortDigest(digest: string): string {
  return digestHex(digest).slice(0, SHORT_LENGTH);
}

/** `algorithm:hex` over `content`. */
export function digestOf(content: Uint8Array | string, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(content).digest("hex")}`;
}
