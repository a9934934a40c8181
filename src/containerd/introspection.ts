import type { Platform } from "../model/platform.ts";
import type {
  IntrospectionDefinition,
  Plugin,
} from "./generated/containerd/services/introspection/v1/introspection.ts";
import { platformFromMessage } from "./messages.ts";
import type { CallOptions, ServiceClient } from "./rpc.ts";
import { timestampToIso } from "./timestamps.ts";

export interface PluginInfo {
  /** Kind of the plugin, such as `io.containerd.snapshotter.v1`; with `id` it is unique. */
  readonly type: string;
  readonly id: string;
  readonly platforms: readonly Platform[];
  readonly capabilities: readonly string[];
  readonly exports: Readonly<Record<string, string>>;
  /** Why it did not start. `skipped` is a plugin that this host has no use for. */
  readonly error?: { readonly message: string; readonly skipped: boolean };
}

export interface ServerInfo {
  /** Stays the same when the daemon starts again. */
  readonly uuid: string;
  /** 0 when the daemon is too old to say. */
  readonly pid: number;
  readonly deprecations: readonly { readonly id: string; readonly message: string; readonly lastOccurrence: string }[];
}

/** gRPC's UNIMPLEMENTED, which containerd gives to plugins that skipped themselves. */
const SKIPPED = 12;

/** containerd's Introspection service: what this daemon is made of. */
export class Introspection {
  constructor(private readonly client: ServiceClient<typeof IntrospectionDefinition>) {}

  /** The plugins that match one of the filters, such as `type==io.containerd.snapshotter.v1`; without a filter all. */
  async plugins(filters: readonly string[] = [], options?: CallOptions): Promise<PluginInfo[]> {
    return (await this.client.unary("plugins", { filters: [...filters] }, options)).plugins.map(pluginFromMessage);
  }

  async server(options?: CallOptions): Promise<ServerInfo> {
    const { uuid, pid, deprecations } = await this.client.unary("server", {}, options);
    return {
      uuid,
      pid: Number(pid),
      deprecations: deprecations.map(({ id, message, lastOccurrence }) => ({
        id,
        message,
        lastOccurrence: timestampToIso(lastOccurrence),
      })),
    };
  }
}

function pluginFromMessage(plugin: Plugin): PluginInfo {
  const { initErr } = plugin;
  return {
    type: plugin.type,
    id: plugin.id,
    platforms: plugin.platforms.map(platformFromMessage),
    capabilities: plugin.capabilities,
    exports: plugin.exports,
    ...(initErr && { error: { message: initErr.message, skipped: initErr.code === SKIPPED } }),
  };
}
