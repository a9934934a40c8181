import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { asObject, type JsonObject } from "../model/json-object.ts";
import { runTool } from "./tool.ts";

/** Plugins run `iptables` and the like by name, and get nothing else of this process's environment. */
const PLUGIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";

export interface PluginCall {
  readonly command: "ADD" | "DEL" | "CHECK";
  readonly containerId: string;
  /** `""` if the network namespace is gone, which DEL allows. */
  readonly netnsPath: string;
  readonly interfaceName: string;
  /** `CNI_ARGS`: settings that predate the JSON configuration. */
  readonly args: Readonly<Record<string, string>>;
}

/**
 * Runs one CNI plugin as the specification says: the call in the environment, the configuration on stdin, the result
 * or the error as JSON on stdout.
 *
 * @throws EngineError `failed-precondition` if no directory has the plugin, `internal` with the plugin's own words.
 */
export async function runPlugin(
  cniPath: readonly string[],
  config: JsonObject & { readonly type: string },
  call: PluginCall,
  signal?: AbortSignal,
): Promise<JsonObject> {
  const plugin = await findPlugin(cniPath, config.type);
  const { exitCode, stdout, stderr } = await runTool(plugin, [], {
    stdin: JSON.stringify(config),
    env: {
      PATH: PLUGIN_PATH,
      CNI_PATH: cniPath.join(":"),
      CNI_COMMAND: call.command,
      CNI_CONTAINERID: call.containerId,
      CNI_NETNS: call.netnsPath,
      CNI_IFNAME: call.interfaceName,
      CNI_ARGS: Object.entries(call.args)
        .map(([name, value]) => `${name}=${value}`)
        .join(";"),
    },
    signal,
  });
  const answer = parseAnswer(stdout);
  if (exitCode !== 0) throw pluginFailure(config.type, answer, stdout, stderr);
  return answer;
}

async function findPlugin(cniPath: readonly string[], type: string): Promise<string> {
  for (const directory of cniPath) {
    const path = join(directory, type);
    const executable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return path;
  }
  throw new EngineError("failed-precondition", `CNI plugin ${type} is not installed in ${cniPath.join(", ")}`, {
    hint: "run: wharf system install",
  });
}

/** What a plugin printed, as an object; an empty one where it is none. */
export function parseAnswer(stdout: string): JsonObject {
  try {
    return asObject(JSON.parse(stdout));
  } catch {
    return {};
  }
}

function pluginFailure(type: string, { msg, details }: JsonObject, stdout: string, stderr: string): EngineError {
  const said = [msg, details].filter((part) => typeof part === "string" && part !== "").join("; ");
  const line = said || stderr.trim() || stdout.trim() || "failed without saying why";
  return new EngineError("internal", `CNI plugin ${type}: ${line.replaceAll("\n", " ")}`);
}
