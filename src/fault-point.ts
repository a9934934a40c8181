import { writeSync } from "node:fs";

/** The variable that names the one point at which this process is to die: `NAME`, or `NAME:N` for its n-th passing. */
const VARIABLE = "WHARF_FAULT_POINT";

interface Armed {
  readonly name: string;
  /** How many more times it may be passed. */
  passesLeft: number;
}

const armed = parse(process.env[VARIABLE]);

/**
 * Marks a moment at which a power cut or `kill -9` would leave something half done. Does nothing, unless the
 * environment this process was started with names the point: then the process kills itself there, as nothing that it
 * could catch or clean up after. `test/chaos` kills at every point and looks at what the next command finds; so a name
 * stands in one place, and is a literal.
 */
export function faultPoint(name: string): void {
  if (armed !== undefined) strike(armed, name);
}

function strike(target: Armed, name: string): void {
  if (target.name !== name) return;
  target.passesLeft -= 1;
  if (target.passesLeft > 0) return;
  writeSync(2, `killed at the fault point ${name}\n`);
  process.kill(process.pid, "SIGKILL");
}

function parse(text: string | undefined): Armed | undefined {
  const [, name, count = "1"] = /^([a-z0-9.-]+)(?::([1-9]\d*))?$/.exec(text ?? "") ?? [];
  return name === undefined ? undefined : { name, passesLeft: Number(count) };
}
