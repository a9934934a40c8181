import { EngineError } from "../errors.ts";
import { splitKeyValue } from "../model/key-values.ts";

/** What `HostConfig.SecurityOpt` asks for. */
export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `unconfined`, JSON text of a profile, `builtin`, or `""` for the default. */
  readonly seccomp: string;
  /** Name of a profile, `unconfined`, or `""` for the default. */
  readonly apparmor: string;
  /** SELinux labels, as written: `disable`, `type:container_t`. */
  readonly labels: readonly string[];
  readonly writableCgroups: boolean;
}

const NONE: SecurityOptions = {
  noNewPrivileges: false,
  seccomp: "",
  apparmor: "",
  labels: [],
  writableCgroups: false,
};

/**
 * Reads docker's security options, `name=value`, or `name:value` as it was once written.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  return options.reduce(withOption, NONE);
}

function withOption(options: SecurityOptions, text: string): SecurityOptions {
  if (text === "no-new-privileges") return { ...options, noNewPrivileges: true };
  if (text === "writable-cgroups") return { ...options, writableCgroups: true };
  if (text === "disable") return { ...options, labels: [...options.labels, text] };
  const { key, value } = splitKeyValue(text.includes("=") ? text : text.replace(":", "="));
  if (value === undefined) throw invalid(text);
  switch (key) {
    case "label":
      return { ...options, labels: [...options.labels, value] };
    case "apparmor":
      return { ...options, apparmor: value };
    case "seccomp":
      return { ...options, seccomp: value };
    case "no-new-privileges":
      return { ...options, noNewPrivileges: parseBoolean(value, text) };
    case "writable-cgroups":
      return { ...options, writableCgroups: parseBoolean(value, text) };
    default:
      throw invalid(text);
  }
}

function parseBoolean(value: string, text: string): boolean {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
  throw invalid(text);
}

function invalid(text: string): EngineError {
  return new EngineError("invalid-argument", `invalid --security-opt: ${JSON.stringify(text)}`);
}
