import { EngineError } from "../errors.ts";

/** Linux's signals on amd64, arm64 and every other architecture that containerd is built for but mips. */
const NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
};

/** What a C library leaves of the kernel's real-time signals, 32 and 33 being its own. */
const REALTIME_MIN = 34;
const REALTIME_MAX = 64;

/**
 * Reads a signal by name or number: `SIGTERM`, `term`, `15`, `SIGRTMIN+3`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : numberOfName(text);
  if (number === undefined || number < 1 || number > REALTIME_MAX) {
    throw new EngineError("invalid-argument", `invalid signal: ${text}`);
  }
  return number;
}

function numberOfName(text: string): number | undefined {
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realtime = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realtime === null) return Object.hasOwn(NUMBERS, name) ? NUMBERS[name] : undefined;
  const [, anchor, sign = "+", offset = "0"] = realtime;
  const number = (anchor === "MIN" ? REALTIME_MIN : REALTIME_MAX) + Number(`${sign}${offset}`);
  return number >= REALTIME_MIN && number <= REALTIME_MAX ? number : undefined;
}
