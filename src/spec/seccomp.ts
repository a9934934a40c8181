import { EngineError } from "../errors.ts";
import { type HostFacts, kernelAtLeast } from "./host-facts.ts";
import type { Seccomp, SeccompArgument, SeccompRule } from "./runtime-spec.ts";
import {
  ALWAYS_ALLOWED,
  ARCHITECTURES,
  CONDITIONAL_RULES,
  type ConditionalRule,
  DEFAULT_ERRNO,
  type SeccompCondition,
} from "./seccomp-profile.ts";

/** What a profile's conditions are held against. */
export interface SeccompScene {
  readonly host: Pick<HostFacts, "architecture" | "kernelVersion">;
  /** The container's bounding set. */
  readonly capabilities: readonly string[];
}

/** The default profile, resolved for one container on one host. */
export function defaultSeccomp(scene: SeccompScene): Seccomp {
  const rules: readonly ConditionalRule[] = [{ names: ALWAYS_ALLOWED }, ...CONDITIONAL_RULES];
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: DEFAULT_ERRNO,
    ...architecturesOf(ARCHITECTURES[scene.host.architecture]),
    syscalls: rules.filter((rule) => applies(rule, scene)).map(toRule),
  };
}

function applies({ includes, excludes }: Pick<ConditionalRule, "includes" | "excludes">, scene: SeccompScene): boolean {
  return (includes === undefined || isMet(includes, scene)) && !(excludes !== undefined && isTouched(excludes, scene));
}

/** All parts of a condition hold. */
function isMet({ capabilities, architectures, minKernel }: SeccompCondition, scene: SeccompScene): boolean {
  return (
    (architectures === undefined || architectures.includes(scene.host.architecture)) &&
    (capabilities ?? []).every((capability) => scene.capabilities.includes(capability)) &&
    (minKernel === undefined || kernelAtLeast(scene.host, minKernel))
  );
}

/** Any part of a condition holds. */
function isTouched({ capabilities, architectures, minKernel }: SeccompCondition, scene: SeccompScene): boolean {
  return (
    architectures?.includes(scene.host.architecture) === true ||
    capabilities?.some((capability) => scene.capabilities.includes(capability)) === true ||
    (minKernel !== undefined && kernelAtLeast(scene.host, minKernel))
  );
}

function toRule({ names, args, action, errnoRet }: ConditionalRule): SeccompRule {
  return {
    names,
    action: action ?? "SCMP_ACT_ALLOW",
    ...(errnoRet !== undefined && { errnoRet }),
    ...(args !== undefined && args.length > 0 && { args }),
  };
}

function architecturesOf(architectures: readonly string[] | undefined): Pick<Seccomp, "architectures"> {
  return architectures === undefined || architectures.length === 0 ? {} : { architectures };
}

/** A profile file, in docker's format, which is the runtime's with conditions added. */
interface ProfileFile {
  readonly defaultAction?: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[] | null;
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] | null }[];
  readonly flags?: readonly string[] | null;
  readonly syscalls?: readonly FileRule[] | null;
}

interface FileRule {
  readonly name?: string;
  readonly names?: readonly string[];
  readonly action: string;
  readonly errnoRet?: number | null;
  readonly args?: readonly SeccompArgument[] | null;
  readonly includes?: FileCondition | null;
  readonly excludes?: FileCondition | null;
}

interface FileCondition {
  readonly caps?: readonly string[] | null;
  readonly arches?: readonly string[] | null;
  readonly minKernel?: string | null;
}

/**
 * Resolves the text of a `--security-opt seccomp=` profile.
 *
 * @throws EngineError `invalid-argument` for text that is no profile.
 */
export function parseSeccomp(text: string, scene: SeccompScene): Seccomp {
  const profile = parseJson(text);
  const mapped = profile.archMap?.find(
    ({ architecture }) => architecture === ARCHITECTURES[scene.host.architecture]?.[0],
  );
  const fromMap = mapped === undefined ? undefined : [mapped.architecture, ...(mapped.subArchitectures ?? [])];
  if (profile.defaultAction === undefined) throw invalid("no default action");
  const rules = (profile.syscalls ?? []).map(fromFile);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet !== undefined && { defaultErrnoRet: profile.defaultErrnoRet }),
    ...architecturesOf(profile.architectures ?? fromMap),
    ...(profile.flags && { flags: profile.flags }),
    syscalls: rules.filter((rule) => applies(rule, scene)).map(toRule),
  };
}

function fromFile(rule: FileRule): ConditionalRule {
  const names = rule.name === undefined ? (rule.names ?? []) : [rule.name];
  return {
    names,
    action: rule.action,
    ...(rule.errnoRet !== undefined && rule.errnoRet !== null && { errnoRet: rule.errnoRet }),
    ...(rule.args && { args: rule.args }),
    ...(rule.includes && { includes: conditionFromFile(rule.includes) }),
    ...(rule.excludes && { excludes: conditionFromFile(rule.excludes) }),
  };
}

function conditionFromFile({ caps, arches, minKernel }: FileCondition): SeccompCondition {
  return {
    ...(caps && caps.length > 0 && { capabilities: caps }),
    ...(arches && arches.length > 0 && { architectures: arches }),
    ...(minKernel && { minKernel }),
  };
}

function parseJson(text: string): ProfileFile {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw new EngineError("invalid-argument", `decoding seccomp profile failed: ${(error as Error).message}`, {
      cause: error,
    });
  }
  throw invalid("not an object");
}

function invalid(reason: string): EngineError {
  return new EngineError("invalid-argument", `decoding seccomp profile failed: ${reason}`);
}
