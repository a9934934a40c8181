import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { asObject, type JsonObject } from "../model/json-object.ts";
import type { Network } from "./network.ts";

/** One plugin's part of a network configuration, as the plugin gets it on stdin but for what the runtime adds. */
export type PluginConfig = JsonObject & { readonly type: string };

/** A network configuration list of the CNI specification. */
export interface Conflist {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly [PluginConfig, ...PluginConfig[]];
}

/** The specification's rule; a name becomes part of paths. */
const NETWORK_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
/** The file name of a program. */
const PLUGIN_TYPE = /^(?!\.+$)[\w.-]+$/;

/**
 * Reads a `.conflist`, or a `.conf` of a single plugin.
 *
 * @throws EngineError `invalid-argument` naming the file.
 */
export function parseConflist(text: string, path: string): Conflist {
  const malformed = (reason: string, cause?: unknown) =>
    new EngineError("invalid-argument", `malformed network configuration ${path}: ${reason}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed((error as Error).message, error);
  }
  const { name, cniVersion = "0.1.0", plugins, ...rest } = asObject(value);
  if (typeof name !== "string" || name === "") throw malformed("it has no name");
  if (!NETWORK_NAME.test(name)) throw malformed(`${JSON.stringify(name)} is no name of a network`);
  if (typeof cniVersion !== "string") throw malformed("cniVersion is no string");
  const [first, ...others] = (Array.isArray(plugins) ? plugins : [rest]).map((plugin) =>
    pluginConfig(plugin, malformed),
  );
  if (first === undefined) throw malformed("it has no plugins");
  return { name, cniVersion, plugins: [first, ...others] };
}

/** All readable configurations of a directory, in the order of their file names. A directory that is not there is empty. */
export async function readConflists(directory: string): Promise<Conflist[]> {
  // A broken file of somebody else's must not keep containers from the networks of the others.
  return (await readDirectory(directory)).filter((read): read is Conflist => !(read instanceof EngineError));
}

/** Why each file of the directory that cannot be read as a configuration cannot, naming it. */
export async function malformedConflists(directory: string): Promise<EngineError[]> {
  return (await readDirectory(directory)).filter((read) => read instanceof EngineError);
}

async function readDirectory(directory: string): Promise<(Conflist | EngineError)[]> {
  const names = await readdir(directory).catch(() => []);
  const read: (Conflist | EngineError)[] = [];
  for (const name of names.filter((name) => /\.(conflist|conf|json)$/.test(name)).sort()) {
    const path = join(directory, name);
    try {
      read.push(parseConflist(await readFile(path, "utf8"), path));
    } catch (cause) {
      const unreadable = `cannot read ${path}: ${(cause as Error).message}`;
      read.push(cause instanceof EngineError ? cause : new EngineError("failed-precondition", unreadable, { cause }));
    }
  }
  return read;
}

/** What a configuration says of its network. */
export function describeNetwork({ name, plugins: [first] }: Conflist): Network {
  const range = ipamRanges(first)[0];
  return {
    name,
    id: createHash("sha256").update(name).digest("hex"),
    driver: first.type,
    subnet: range?.subnet ?? "",
    gateway: range?.gateway ?? "",
    bridge: first.type === "bridge" && typeof first.bridge === "string" ? first.bridge : "",
  };
}

/** Every IPv4 subnet that the configuration's address plugins hand out. */
export function subnetsOf({ plugins }: Conflist): string[] {
  return plugins.flatMap(ipamRanges).map((range) => range.subnet);
}

interface Range {
  readonly subnet: string;
  readonly gateway: string;
}

/** host-local's `ranges`, and its older form with a single subnet. */
function ipamRanges(plugin: PluginConfig): Range[] {
  const ipam = asObject(plugin.ipam);
  const sets = Array.isArray(ipam.ranges) ? ipam.ranges.flat() : [];
  return [ipam, ...sets].flatMap((value) => {
    const { subnet, gateway } = asObject(value);
    if (typeof subnet !== "string" || subnet.includes(":")) return [];
    return [{ subnet, gateway: typeof gateway === "string" ? gateway : "" }];
  });
}

function pluginConfig(value: unknown, malformed: (reason: string) => EngineError): PluginConfig {
  const plugin = asObject(value);
  if (typeof plugin.type !== "string" || !PLUGIN_TYPE.test(plugin.type)) throw malformed("a plugin has no type");
  return { ...plugin, type: plugin.type };
}
