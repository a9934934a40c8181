import { readdirSync, readFileSync } from "node:fs";

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly isZombie: boolean;
}

/**
 * Kills a process that leads a session, with all of that session and all that descend from them: what an exec has
 * started, whatever it left in the background. They are stopped before they are killed, so that none of them forks
 * meanwhile. A process that has left both the session and, by the death of its parents, the tree is nobody's to find.
 */
export function killProcessTree(leader: number): void {
  const stopped = new Set<number>();
  for (let found = membersOf(leader); found.some((pid) => !stopped.has(pid)); found = membersOf(leader)) {
    for (const pid of found) {
      stopped.add(pid);
      signal(pid, "SIGSTOP");
    }
  }
  for (const pid of stopped) signal(pid, "SIGKILL");
}

function membersOf(leader: number): number[] {
  const rows = listProcesses();
  const members = new Set(
    rows.filter(({ pid, session }) => pid === leader || session === leader).map(({ pid }) => pid),
  );
  for (let size = -1; size !== members.size; ) {
    size = members.size;
    for (const { pid, parent } of rows) if (members.has(parent)) members.add(pid);
  }
  return rows.filter(({ pid, isZombie }) => members.has(pid) && !isZombie).map(({ pid }) => pid);
}

function listProcesses(): ProcessRow[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const row = readProcess(Number(name));
      return row === undefined ? [] : [row];
    });
}

/** From `/proc/PID/stat`: `pid (name) state ppid pgrp session …`, where the name may hold anything. */
function readProcess(pid: number): ProcessRow | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  const [state, parent, , session] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { pid, parent: Number(parent), session: Number(session), isZombie: state === "Z" || state === "X" };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}
