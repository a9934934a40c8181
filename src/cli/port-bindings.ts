import { isIPv6 } from "node:net";
import { EngineError } from "../errors.ts";

/** One place on the host where a container's port can be reached. */
interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** `0.0.0.0:8080`, `[::]:8080`. */
export function displayBinding({ HostIp, HostPort }: Binding): string {
  return isIPv6(HostIp) ? `[${HostIp}]:${HostPort}` : `${HostIp}:${HostPort}`;
}

/**
 * Reads the port that `wharf port` is asked for, and completes it with `/tcp`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parsePrivatePort(text: string): string {
  const [port = "", protocol = "tcp"] = text.split("/");
  const refuse = (reason: string) =>
    new EngineError(
      "invalid-argument",
      `invalid port (${port}): strconv.ParseUint: parsing ${JSON.stringify(port)}: ${reason}`,
    );
  if (!/^\d+$/.test(port)) throw refuse("invalid syntax");
  if (Number(port) > 65_535) throw refuse("value out of range");
  return `${Number(port)}/${protocol}`;
}
