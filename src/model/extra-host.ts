import { EngineError } from "../errors.ts";
import { isIpAddress } from "./ip-address.ts";

/** Stands for an address by which the container reaches its host; whoever writes /etc/hosts knows which. */
export const HOST_GATEWAY = "host-gateway";

/**
 * Reads an `--add-host`, `name:ip` or `name=ip`, into docker's `name:ip`. The address may be in brackets.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseExtraHost(text: string): string {
  const { name, address } = splitExtraHost(text);
  if (name === "" || address === "") throw invalid(`bad format for add-host: ${JSON.stringify(text)}`);
  if (address !== HOST_GATEWAY && !isIpAddress(address)) {
    throw invalid(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
  return `${name}:${address}`;
}

/** Splits `name:ip` or `name=ip`; an IPv6 address loses its brackets. */
export function splitExtraHost(text: string): { readonly name: string; readonly address: string } {
  const separator = text.search(/[=:]/);
  if (separator === -1) return { name: text, address: "" };
  const address = text.slice(separator + 1);
  const bracketed = /^\[(.*)\]$/.exec(address);
  return { name: text.slice(0, separator), address: bracketed?.[1] ?? address };
}

/**
 * Checks a `--dns`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseDnsServer(text: string): string {
  if (isIpAddress(text.trim())) return text.trim();
  throw invalid(`IP address is not correctly formatted: ${text}`);
}

const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*\\.?$`);

/**
 * Checks a `--dns-search`; `.` alone asks for no search domain.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseDnsSearch(text: string): string {
  const domain = text.trim();
  if (domain === ".") return domain;
  // A name without a letter is an address, or nothing.
  if (domain.length < 255 && /[a-zA-Z]/.test(domain) && DOMAIN.test(domain)) return domain;
  throw invalid(`${text} is not a valid domain`);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
