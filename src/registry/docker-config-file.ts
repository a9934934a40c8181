import { randomUUID } from "node:crypto";
import { chown, mkdir, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { EngineError, expectedFailure } from "../errors.ts";
import { anything, checkShape, mapOf, object, optional, parseJson, type Shape } from "../model/json-shape.ts";
import type { AuthEntry } from "./docker-config.ts";

type Auths = Readonly<Record<string, unknown>>;
const container: Shape<{ auths?: Record<string, unknown> }> = object({ auths: optional(mapOf(anything)) });

/**
 * Rewrites `auths` in docker's `config.json`, and nothing else of it: fields that nobody here knows stay, in their order.
 * The file changes at once or not at all, belongs to whom it belonged to, and nobody else may read it. One that is a link
 * is changed where it leads.
 *
 * @throws EngineError `invalid-argument` for a malformed file; the system's refusal, naming the file.
 */
export async function changeAuths(
  path: string,
  change: (auths: Auths) => Readonly<Record<string, AuthEntry | unknown>>,
): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const target = await realpath(path).catch(() => path);
    const text = await readFile(target, "utf8").catch(absent);
    const content = text === undefined || text.trim() === "" ? {} : parseJson(text, path);
    const { auths = {} } = checkShape(content, container, path);
    await replaceFile(target, JSON.stringify({ ...(content as object), auths: change(auths) }, null, "\t"));
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw expectedFailure(error) ?? new EngineError("failed-precondition", `cannot write ${path}`, { cause: error });
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    const old = await stat(path).catch(absent);
    if (old) await chown(temporary, old.uid, old.gid);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
