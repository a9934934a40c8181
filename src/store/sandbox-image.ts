import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { matchesGlob } from "../model/glob.ts";

const DEFAULT_CONFIG = "/etc/containerd/config.toml";

/** In containerd's configuration of version 1 and 2. */
const SANDBOX_IMAGE = /^\s*sandbox_image\s*=\s*(?:"([^"]*)"|'([^']*)')/m;
/** In version 3: the key of a table of its own, or of an inline one. */
const PINNED_IMAGES =
  /^\s*\[[^\]\n]*\bpinned_images\s*\](?:\n(?!\s*\[).*)*?\n\s*sandbox\s*=\s*(?:"([^"]*)"|'([^']*)')/m;
const PINNED_INLINE = /\bpinned_images\s*=\s*\{[^}\n]*\bsandbox\s*=\s*(?:"([^"]*)"|'([^']*)')/m;
const IMPORTS = /^imports\s*=\s*\[([^\]]*)\]/m;

/**
 * The image of which containerd's CRI plugin makes the sandboxes of pods, as the daemon's configuration names it;
 * undefined where that leaves it to the daemon. `pid` is the daemon's, 0 when it is not known.
 */
export async function readSandboxImage(pid: number): Promise<string | undefined> {
  return await findIn((await configOf(pid)) ?? DEFAULT_CONFIG, true);
}

/** The file that the daemon was told to read. */
async function configOf(pid: number): Promise<string | undefined> {
  if (pid <= 0) return undefined;
  const words = (await readText(`/proc/${pid}/cmdline`)).split("\0");
  const flag = words.findIndex((word) => /^--?c(?:onfig)?(?:=|$)/.test(word));
  const [, attached] = /=(.*)/.exec(words[flag] ?? "") ?? [];
  return attached ?? (flag === -1 ? undefined : words[flag + 1]);
}

/** What a later file says holds over an earlier one, and imported files over the one that imports them. */
async function findIn(path: string, followsImports: boolean): Promise<string | undefined> {
  const text = await readText(path);
  if (followsImports) {
    const patterns = [...(IMPORTS.exec(text)?.[1] ?? "").matchAll(/["']([^"']+)["']/g)].map(
      ([, pattern = ""]) => pattern,
    );
    for (const pattern of patterns.reverse()) {
      for (const imported of await filesMatching(resolve(dirname(path), pattern))) {
        const found = await findIn(imported, false);
        if (found !== undefined) return found;
      }
    }
  }
  for (const expression of [PINNED_IMAGES, PINNED_INLINE, SANDBOX_IMAGE]) {
    const [, double, single] = expression.exec(text) ?? [];
    const image = double ?? single;
    if (image) return image;
  }
  return undefined;
}

/** The files that a pattern names, the last one first. */
async function filesMatching(pattern: string): Promise<string[]> {
  const directory = dirname(pattern);
  const names = await readdir(directory).catch(() => []);
  return names
    .filter((name) => matchesGlob(basename(pattern), name))
    .sort()
    .reverse()
    .map((name) => join(directory, name));
}

/** A file that is not there, or not for us, says nothing. */
async function readText(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => "");
}
