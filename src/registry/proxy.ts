import { isIP } from "node:net";
import { EngineError } from "../errors.ts";
import { bareHost, isInRange } from "./address-range.ts";
import { isLoopback } from "./hosts.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that leads to `url`, by the variables that every client of registries reads: `HTTPS_PROXY`, `HTTP_PROXY` and
 * `NO_PROXY`, in capitals first. Loopback is never behind one.
 *
 * @throws EngineError `invalid-argument` for a variable that holds no address of a proxy.
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const address = environment[name] || environment[name.toLowerCase()];
  if (!address || isLoopback(url.hostname)) return undefined;
  const exceptions = environment.NO_PROXY || environment.no_proxy || "";
  if (exceptions.split(",").some((exception) => isExcepted(url, exception.trim().toLowerCase()))) return undefined;
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://${address}`;
  const proxy = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (proxy?.protocol !== "http:" && proxy?.protocol !== "https:") {
    // Not quoted: there may be a password in it.
    throw new EngineError("invalid-argument", `${name} is not the address of an HTTP proxy`);
  }
  return proxy;
}

/** What a proxy is told of who asks; undefined where its address names nobody. */
export function proxyAuthorization({ username, password }: URL): string | undefined {
  if (username === "") return undefined;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

/** A proxy's address as people may see it. */
export function shownProxy({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}

/** Go's rules: `*`, addresses, ranges, `name` and its subdomains, `.name` for its subdomains alone, each with a port or not. */
function isExcepted(url: URL, exception: string): boolean {
  if (exception === "") return false;
  if (exception === "*") return true;
  const host = bareHost(url.hostname.toLowerCase());
  if (exception.includes("/")) return isInRange(host, exception);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const [, name = exception, exceptedPort] = /^(.*?)(?::(\d+))?$/.exec(hidesPort(exception)) ?? [];
  if (exceptedPort !== undefined && exceptedPort !== port) return false;
  const bare = bareHost(name).replace(/^\*\./, ".");
  if (bare.startsWith(".")) return host.endsWith(bare);
  return host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`));
}

/** An IPv6 address without brackets has colons that begin no port. */
function hidesPort(exception: string): string {
  return isIP(exception) === 6 ? `[${exception}]` : exception;
}
