import { EngineError } from "../errors.ts";

/** Whom a container's process runs as, in numbers. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Without `gid` itself. */
  readonly additionalGids: readonly number[];
  readonly home: string;
}

/** The texts of the container's own /etc/passwd and /etc/group; `""` for one that is absent. */
export interface UserDatabase {
  readonly passwd: string;
  readonly group: string;
}

export interface UserRequest {
  /** docker's `-u`: `name|uid[:group|gid]`; `""` is root. */
  readonly user: string;
  /** docker's `--group-add`: names and numbers. */
  readonly groupAdd: readonly string[];
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const MAX_ID = 2147483647;

/**
 * Looks a user up in a container's own user database. A number stands for itself and needs no entry; a name does.
 * Without an explicit group, the groups that have the user as a member come along.
 *
 * @throws EngineError `invalid-argument` for a name that is not there, or a number out of range.
 */
export function resolveUser({ user, groupAdd }: UserRequest, database: UserDatabase): ResolvedUser {
  const colon = user.indexOf(":");
  const userPart = colon === -1 ? user : user.slice(0, colon);
  const groupPart = colon === -1 ? "" : user.slice(colon + 1);
  const groups = parseGroup(database.group);
  const account = findAccount(userPart, parsePasswd(database.passwd));
  const gid = groupPart === "" ? account.gid : findGroup(groupPart, groups);
  const implicit =
    groupPart === "" && account.name !== "" ? groups.filter(({ members }) => members.includes(account.name)) : [];
  const additional = [...implicit.map((group) => group.gid), ...groupAdd.map((group) => findGroup(group, groups))];
  return {
    uid: account.uid,
    gid,
    additionalGids: [...new Set(additional)].filter((additionalGid) => additionalGid !== gid),
    home: account.home,
  };
}

/** True when the user can be told without reading the image: numbers for both user and groups, and no home needed. */
export function isNumericUser({ user, groupAdd }: UserRequest): boolean {
  return /^\d+:\d+$/.test(user) && groupAdd.every((group) => /^\d+$/.test(group));
}

function findAccount(user: string, entries: readonly PasswdEntry[]): PasswdEntry {
  const uid = user === "" ? 0 : parseId(user);
  const entry = entries.find((candidate) => (uid === undefined ? candidate.name === user : candidate.uid === uid));
  if (entry !== undefined) return entry;
  if (uid === undefined) throw invalid(`unable to find user ${user}: no matching entries in passwd file`);
  return { name: "", uid, gid: 0, home: "/" };
}

function findGroup(group: string, entries: readonly GroupEntry[]): number {
  const gid = parseId(group);
  const entry = entries.find((candidate) => (gid === undefined ? candidate.name === group : candidate.gid === gid));
  const found = entry?.gid ?? gid;
  if (found === undefined) throw invalid(`unable to find group ${group}: no matching entries in group file`);
  return found;
}

/** A number of a user or group; `undefined` for a name. */
function parseId(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (id < 0 || id > MAX_ID) throw invalid(`uids and gids must be in range 0-${MAX_ID}`);
  return id;
}

function parsePasswd(text: string): PasswdEntry[] {
  return databaseLines(text).flatMap(([name = "", , uidText = "", gidText = "", , home = ""]) => {
    const [uid, gid] = [idIn(uidText), gidText === "" ? 0 : idIn(gidText)];
    return uid === undefined || gid === undefined ? [] : [{ name, uid, gid, home: home || "/" }];
  });
}

function parseGroup(text: string): GroupEntry[] {
  return databaseLines(text).flatMap(([name = "", , gidText = "", members = ""]) => {
    const gid = idIn(gidText);
    return gid === undefined ? [] : [{ name, gid, members: members.split(",").filter((member) => member !== "") }];
  });
}

/** An id in a database. A line without one is no entry: read as 0, it would make its user root. */
function idIn(text: string): number | undefined {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : MAX_ID + 1;
  return id <= MAX_ID ? id : undefined;
}

function databaseLines(text: string): string[][] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
