import type { Engine } from "../engine/engine.ts";
import type { Settings } from "../model/settings.ts";
import { registryOptionsFor } from "./registry-settings.ts";

/**
 * A part of the engine that costs something to load, so a command names it if it needs it. Networks are the
 * supervisor's alone.
 */
export type EnginePart = Exclude<keyof Engine, "containerd" | "settings" | "networks">;

/** containerd and the named parts, to be disposed of by whoever opened them. */
export type OpenEngine<K extends EnginePart> = Pick<Engine, K | "containerd" | "settings"> & AsyncDisposable;

type PartLoaders = { readonly [K in EnginePart]: (settings: Settings) => Promise<Engine[K]> };

const LOADERS: PartLoaders = {
  registry: async (settings) => {
    const { RegistryClient } = await import("../registry/client.ts");
    return new RegistryClient(registryOptionsFor(settings, process.env));
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
  const [{ connectContainerd }, { currentProcessMark }] = await Promise.all([
    import("../containerd/client.ts"),
    import("../store/process-mark.ts"),
  ]);
  const opened = await Promise.all(parts.map(async (part) => [part, await LOADERS[part](settings)]));
  const containerd = connectContainerd({ ...settings, leaseOwner: currentProcessMark });
  const engine = Object.fromEntries(opened);
  return {
    ...engine,
    containerd,
    settings,
    async [Symbol.asyncDispose]() {
      containerd.close();
      await engine.registry?.close();
    },
  };
}
