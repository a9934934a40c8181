import { EngineError } from "../errors.ts";
import { resolvePath } from "../model/path.ts";

/** What the kernel shows of a process's own files: a path through it leads wherever these are, on the host too. */
const FILES_OF_A_PROCESS = /^\/proc\/[^/]+(?:\/task\/[^/]+)?\/(?:fd|cwd|root)(?:\/|$)/;

/**
 * The working directory of a process as a clean path. The runtime enters it while descriptors of the host are open to
 * it; one that leads through /proc to these is an attempt to get out, which older runtimes do not see (CVE-2024-21626).
 *
 * @throws EngineError `invalid-argument`.
 */
export function workingDirectory(path: string): string {
  const clean = resolvePath("/", path);
  if (!FILES_OF_A_PROCESS.test(clean)) return clean;
  throw new EngineError("invalid-argument", `the working directory '${path}' leads through a process's own files`);
}
