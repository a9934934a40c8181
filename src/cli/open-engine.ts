import type { Engine } from "../engine/engine.ts";
import type { Settings } from "../model/settings.ts";

/** A part of the engine that costs something to load, so a command names it if it needs it. */
export type EnginePart = Exclude<keyof Engine, "containerd" | "settings">;

/** containerd and the named parts, to be disposed of by whoever opened them. */
export type OpenEngine<K extends EnginePart> = Pick<Engine, K | "containerd" | "settings"> & AsyncDisposable;

type PartLoaders = { readonly [K in EnginePart]: (settings: Settings) => Promise<Engine[K]> };

const LOADERS: PartLoaders = {
  registry: async () => {
    const { RegistryClient } = await import("../registry/client.ts");
    return RegistryClient.fromEnvironment(process.env);
  },
  networks: async (settings) => {
    const { Networks } = await import("../cni/networks.ts");
    return new Networks(settings);
  },
  store: async (settings) => {
    const { Store } = await import("../store/store.ts");
    return new Store(settings);
  },
  host: async () => {
    const { readHostFacts } = await import("../store/host-facts.ts");
    return readHostFacts();
  },
};

/**
 * The composition root of commands that speak to containerd themselves. Connecting is lazy: a command that fails
 * before its first call opens no socket.
 */
export async function openEngine<K extends EnginePart>(
  settings: Settings,
  parts: readonly K[],
): Promise<OpenEngine<K>> {
  const { connectContainerd } = await import("../containerd/client.ts");
  const opened = await Promise.all(parts.map(async (part) => [part, await LOADERS[part](settings)]));
  const containerd = connectContainerd(settings);
  return {
    ...Object.fromEntries(opened),
    containerd,
    settings,
    async [Symbol.asyncDispose]() {
      containerd.close();
    },
  };
}
