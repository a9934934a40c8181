import { boolean, checkShape, list, mapOf, object, optional, type Shaped, string } from "../model/json-shape.ts";
import type { Credentials } from "./credentials.ts";
import { dockerConfigCredentials } from "./docker-config.ts";

/** What containerd's `config.toml` says about registries, for the CRI plugin. */
const registry = object({
  config_path: optional(string),
  mirrors: optional(mapOf(object({ endpoint: optional(list(string)) }))),
  configs: optional(
    mapOf(
      object({
        auth: optional(
          object({
            username: optional(string),
            password: optional(string),
            auth: optional(string),
            identitytoken: optional(string),
          }),
        ),
        tls: optional(
          object({
            insecure_skip_verify: optional(boolean),
            ca_file: optional(string),
            cert_file: optional(string),
            key_file: optional(string),
          }),
        ),
      }),
    ),
  ),
});
const plugin = optional(object({ registry: optional(registry) }));
const file = object({
  plugins: optional(
    object({ "io.containerd.cri.v1.images": plugin, "io.containerd.grpc.v1.cri": plugin, cri: plugin }),
  ),
});

export type CriRegistry = Shaped<typeof registry>;

/** Reads the parsed text of a `config.toml`, of any version. @throws EngineError `invalid-argument`, naming the file. */
export function readCriConfig(content: unknown, path: string): CriRegistry {
  const { plugins = {} } = checkShape(content, file, path);
  const chosen = plugins["io.containerd.cri.v1.images"] ?? plugins["io.containerd.grpc.v1.cri"] ?? plugins.cri;
  return chosen?.registry ?? {};
}

/** The directories of `hosts.toml` that it names. */
export function hostsDirectoriesOf({ config_path: path = "" }: CriRegistry): string[] {
  return path.split(":").filter((directory) => directory !== "");
}

/** The endpoints that it has for a registry in place of its own. */
export function endpointsOf({ mirrors = {} }: CriRegistry, domain: string): readonly string[] {
  return (mirrors[domain] ?? mirrors["*"])?.endpoint ?? [];
}

/** The credentials that it has for a host. */
export function criCredentials({ configs = {} }: CriRegistry, host: string, path: string): Credentials | undefined {
  const { auth } = configs[host] ?? {};
  return auth && dockerConfigCredentials(JSON.stringify({ auths: { [host]: auth } }), path, host);
}
