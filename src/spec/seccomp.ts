import { EngineError } from "../errors.ts";
import {
  integer,
  list,
  number,
  object,
  optional,
  otherwise,
  parseShaped,
  type Shape,
  type Shaped,
  string,
} from "../model/json-shape.ts";
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

const texts = optional(list(string));
const condition = object({ caps: texts, arches: texts, minKernel: optional(string) });
const argument = object({
  index: otherwise(integer, 0),
  value: otherwise(number, 0),
  valueTwo: optional(number),
  op: otherwise(string, ""),
}) satisfies Shape<SeccompArgument>;
const fileRule = object({
  name: optional(string),
  names: texts,
  action: optional(string),
  errnoRet: optional(integer),
  args: optional(list(argument)),
  includes: optional(condition),
  excludes: optional(condition),
});

/** A profile file, in docker's format, which is the runtime's with conditions added. */
const profileFile = object({
  defaultAction: optional(string),
  defaultErrnoRet: optional(integer),
  architectures: texts,
  archMap: optional(list(object({ architecture: otherwise(string, ""), subArchitectures: texts }))),
  flags: texts,
  syscalls: optional(list(fileRule)),
});

/**
 * Resolves the text of a `--security-opt seccomp=` profile.
 *
 * @throws EngineError `invalid-argument` for text that is no profile.
 */
export function parseSeccomp(text: string, scene: SeccompScene): Seccomp {
  const profile = parseShaped(text, profileFile, "decoding seccomp profile failed");
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

function fromFile(rule: Shaped<typeof fileRule>): ConditionalRule {
  const names = rule.name === undefined ? (rule.names ?? []) : [rule.name];
  return {
    names,
    ...(rule.action !== undefined && { action: rule.action }),
    ...(rule.errnoRet !== undefined && { errnoRet: rule.errnoRet }),
    ...(rule.args && { args: rule.args }),
    ...(rule.includes && { includes: conditionFromFile(rule.includes) }),
    ...(rule.excludes && { excludes: conditionFromFile(rule.excludes) }),
  };
}

function conditionFromFile({ caps, arches, minKernel }: Shaped<typeof condition>): SeccompCondition {
  return {
    ...(caps && caps.length > 0 && { capabilities: caps }),
    ...(arches && arches.length > 0 && { architectures: arches }),
    ...(minKernel && { minKernel }),
  };
}

function invalid(reason: string): EngineError {
  return new EngineError("invalid-argument", `decoding seccomp profile failed: ${reason}`);
}
