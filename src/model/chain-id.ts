import { digestOf } from "./digest.ts";

/**
 * The *chain ID* of a stack of layers, bottom first: the name under which containerd keeps the committed snapshot that
 * shows them all. `""` for no layers.
 */
export function chainId(diffIds: readonly string[]): string {
  return chainIds(diffIds).at(-1) ?? "";
}

/** The chain ID of each layer, bottom first. */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`));
  }
  return chain;
}
