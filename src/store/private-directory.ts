import { chmodSync, lstatSync, mkdirSync, readFileSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { EngineError } from "../errors.ts";

const PRIVATE = 0o700;
const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;
const PERMISSIONS = 0o7777;
/** As many symbolic links as the kernel follows in one path. */
const MAX_SYMLINKS = 40;

/**
 * Makes a directory of wharf's own state, with those above it, or takes the one that is there and closes it to
 * everybody else. What wharf writes below it is only as safe as the way there: so every directory above has to belong
 * to root or to this user, and to be writable for nobody else, unless it is one like /tmp where nobody can exchange
 * what is not theirs. A symbolic link on the way must belong to the same.
 *
 * @throws EngineError `permission-denied` where another user could exchange the directory, or owns it.
 */
export function makePrivateDirectory(path: string): void {
  checkWay(dirname(path));
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  try {
    mkdirSync(path, { mode: PRIVATE });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  checkWay(path);
  const stats = lstatSync(realpathSync(path));
  if (!stats.isDirectory()) throw unsafe(path, "is no directory");
  if ((stats.mode & PERMISSIONS) !== PRIVATE) chmodSync(path, PRIVATE);
}

/** The number of the group `docker`, whose members may use the Engine API's socket; undefined if there is none. */
export function dockerGroup(): number | undefined {
  let text: string;
  try {
    text = readFileSync("/etc/group", "utf8");
  } catch {
    return undefined;
  }
  const gid = /^docker:[^:\n]*:(\d+):/m.exec(text)?.[1];
  return gid === undefined ? undefined : Number(gid);
}

/** Looks at each name of a path that is there, links resolved on the way. */
function checkWay(path: string): void {
  const pending = names(path);
  let links = 0;
  let here = "/";
  let parent = lstatSync(here);
  while (pending.length > 0) {
    const name = pending.shift() as string;
    if (name === "..") {
      here = dirname(here);
      parent = lstatSync(here);
      continue;
    }
    const next = join(here, name);
    const stats = lstatSync(next, { throwIfNoEntry: false });
    checkOwner(next, stats, { path: here, stats: parent });
    if (stats === undefined) return;
    if (stats.isSymbolicLink()) {
      links += 1;
      if (links > MAX_SYMLINKS) throw unsafe(path, "has too many levels of symbolic links");
      const target = readlinkSync(next);
      if (isAbsolute(target)) {
        here = "/";
        parent = lstatSync(here);
      }
      pending.unshift(...names(target));
      continue;
    }
    here = next;
    parent = stats;
  }
}

function checkOwner(
  path: string,
  stats: Stats | undefined,
  parent: { readonly path: string; readonly stats: Stats },
): void {
  const writable = (parent.stats.mode & OTHERS_MAY_WRITE) !== 0;
  if (writable && (parent.stats.mode & STICKY) === 0) throw unsafe(parent.path, "can be written by other users");
  if (stats !== undefined && !isTrusted(stats.uid)) throw unsafe(path, `belongs to the user ${stats.uid}`);
}

function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

function names(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function unsafe(path: string, reason: string): EngineError {
  return new EngineError("permission-denied", `unsafe directory for wharf's files: ${path} ${reason}`, {
    hint: "wharf keeps its files where root alone can put them: WHARF_DATA_ROOT and WHARF_RUN_ROOT say where",
  });
}
