import type { DeviceRule, LinuxDevice } from "./runtime-spec.ts";
import type { DeviceInfo } from "./spec-input.ts";

const ALL = "rwm";
const ANY = -1;

/** zero, null, urandom, random, tty, console: what every container may use. */
const ALLOWED_NUMBERS: readonly (readonly [major: number, minor: number])[] = [
  [1, 5],
  [1, 3],
  [1, 9],
  [1, 8],
  [5, 0],
  [5, 1],
];
/** /dev/fuse, which an earlier rule of the runtime's own could let through. */
const FUSE = [10, 229] as const;

export interface DeviceRuleInput {
  readonly privileged: boolean;
  readonly devices: readonly DeviceInfo[];
  /** `--device-cgroup-rule`, as written. */
  readonly rules: readonly string[];
}

/** The rules of a container's device cgroup; later ones win. */
export function deviceRules({ privileged, devices, rules }: DeviceRuleInput): readonly DeviceRule[] {
  if (privileged) return [{ allow: true, access: ALL }];
  const defaults: DeviceRule[] = ALLOWED_NUMBERS.map(([major, minor]) => ({
    allow: true,
    type: "c",
    major,
    minor,
    access: ALL,
  }));
  const own = devices.map(
    ({ type, major, minor, permissions }): DeviceRule => ({ allow: true, type, major, minor, access: permissions }),
  );
  const [fuseMajor, fuseMinor] = FUSE;
  const denyFuse: DeviceRule = { allow: false, type: "c", major: fuseMajor, minor: fuseMinor, access: ALL };
  return [{ allow: false, access: ALL }, ...defaults, denyFuse, ...own, ...rules.map(parseRule)];
}

/** The nodes that the runtime makes beside its own; of two at one path it makes the first. */
export function deviceNodes(devices: readonly DeviceInfo[]): readonly LinuxDevice[] {
  return devices.map(({ permissions: _, ...node }) => node);
}

/** `c 42:* rwm`, which `parseDeviceCgroupRule` has checked. */
function parseRule(text: string): DeviceRule {
  const [type = "", numbers = "", access = ""] = text.split(" ");
  const [major = ANY, minor = ANY] = numbers.split(":").map((number) => (number === "*" ? ANY : Number(number)));
  return { allow: true, type, major, minor, access };
}
