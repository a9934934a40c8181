import { EngineError } from "../errors.ts";
import type { HealthConfig } from "./container-config.ts";
import { dockerfileWords } from "./dockerfile-words.ts";
import { parseDuration } from "./duration.ts";
import type { ImageRunConfig } from "./image-config.ts";
import { parseExpose } from "./port-spec.ts";

/** A config under construction. */
type Draft = { -readonly [K in keyof ImageRunConfig]: ImageRunConfig[K] };

interface Change {
  readonly config: Draft;
  /** What follows the instruction's name. */
  readonly rest: string;
  /** True once an earlier change was a CMD, which an ENTRYPOINT then leaves alone. */
  readonly commandIsSet: boolean;
}

const DEFAULT_SHELL = ["/bin/sh", "-c"];

const INSTRUCTIONS: Readonly<Record<string, (change: Change) => void>> = {
  cmd: ({ config, rest }) => {
    config.Cmd = commandOf(config, rest);
  },
  entrypoint: ({ config, rest, commandIsSet }) => {
    config.Entrypoint = commandOf(config, rest);
    if (!commandIsSet) config.Cmd = null;
  },
  env: ({ config, rest }) => {
    for (const [name, value] of pairsOf("ENV", config, rest)) config.Env = withVariable(config.Env ?? [], name, value);
  },
  label: ({ config, rest }) => {
    config.Labels = { ...config.Labels, ...Object.fromEntries(pairsOf("LABEL", config, rest)) };
  },
  expose: ({ config, rest }) => {
    const ports = Object.fromEntries(
      wordsOf(config, rest)
        .flatMap(parseExpose)
        .map((port) => [port, {}]),
    );
    config.ExposedPorts = { ...config.ExposedPorts, ...ports };
  },
  volume: ({ config, rest }) => {
    const volumes = jsonWords(rest) ?? wordsOf(config, rest);
    if (volumes.includes("")) throw new EngineError("invalid-argument", "VOLUME specified can not be an empty string");
    config.Volumes = { ...config.Volumes, ...Object.fromEntries(volumes.map((path) => [path, {}])) };
  },
  user: ({ config, rest }) => {
    config.User = onlyWord("USER", config, rest);
  },
  workdir: ({ config, rest }) => {
    config.WorkingDir = joinPath(config.WorkingDir ?? "", onlyWord("WORKDIR", config, rest));
  },
  stopsignal: ({ config, rest }) => {
    config.StopSignal = onlyWord("STOPSIGNAL", config, rest);
  },
  onbuild: ({ config, rest }) => {
    const [trigger = ""] = rest.split(/\s/, 1);
    if (/^(?:onbuild|from|maintainer)$/i.test(trigger)) {
      throw new EngineError("invalid-argument", `${trigger.toUpperCase()} isn't allowed as an ONBUILD trigger`);
    }
    config.OnBuild = [...(config.OnBuild ?? []), rest];
  },
  healthcheck: ({ config, rest }) => {
    config.Healthcheck = healthOf(rest);
  },
};

/**
 * Applies docker's `--change`s, Dockerfile instructions such as `ENV A=b`, to an image's run defaults.
 *
 * @throws EngineError `invalid-argument` for what is no such instruction, in docker's words.
 */
export function applyChanges(config: ImageRunConfig, changes: readonly string[]): ImageRunConfig {
  const draft: Draft = { ...config };
  let commandIsSet = false;
  for (const line of changes.map((change) => change.trim()).filter(Boolean)) {
    const [, name = "", rest = ""] = /^(\S+)\s*([\s\S]*)$/.exec(line) ?? [];
    const key = name.toLowerCase();
    const instruction = Object.hasOwn(INSTRUCTIONS, key) ? INSTRUCTIONS[key] : undefined;
    if (instruction === undefined) {
      throw new EngineError("invalid-argument", `${key} is not a valid change command`);
    }
    if (rest === "" && key !== "cmd" && key !== "entrypoint") {
      throw new EngineError("invalid-argument", `${name.toUpperCase()} requires at least one argument`);
    }
    instruction({ config: draft, rest, commandIsSet });
    commandIsSet ||= key === "cmd";
  }
  return draft;
}

/** Exec form, a JSON list, as it is; shell form behind the shell. */
function commandOf({ Shell }: Draft, rest: string): string[] {
  const words = jsonWords(rest);
  if (words !== undefined) return words;
  return rest === "" ? [] : [...(Shell ?? DEFAULT_SHELL), rest];
}

function jsonWords(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) && parsed.every((word) => typeof word === "string") ? parsed : undefined;
  } catch {
    // As docker: what is no list of strings is a command for the shell.
    return undefined;
  }
}

function wordsOf({ Env }: Draft, text: string): string[] {
  return dockerfileWords(text, (name) => {
    const variable = (Env ?? []).findLast((candidate) => candidate.startsWith(`${name}=`));
    return variable?.slice(name.length + 1);
  });
}

function onlyWord(instruction: string, config: Draft, rest: string): string {
  const [word, another] = wordsOf(config, rest);
  if (word === undefined || another !== undefined) {
    throw new EngineError("invalid-argument", `${instruction} requires exactly one argument`);
  }
  return word;
}

/** `A=b C="d e"`, or the older `A b c` with one pair. */
function pairsOf(instruction: string, config: Draft, rest: string): [name: string, value: string][] {
  const [first = ""] = rest.split(/\s/, 1);
  if (!first.includes("=")) {
    const [, name = "", value] = /^(\S+)\s+([\s\S]+)$/.exec(rest) ?? [];
    if (value === undefined) {
      throw new EngineError("invalid-argument", `${instruction} must have two arguments`);
    }
    return [[name, wordsOf(config, value).join(" ")]];
  }
  return wordsOf(config, rest).map((word) => {
    const equals = word.indexOf("=");
    if (equals === -1) {
      const message = `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`;
      throw new EngineError("invalid-argument", message);
    }
    if (equals === 0) throw new EngineError("invalid-argument", `${instruction} names can not be blank`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** Replaces a variable where it is, or appends it. */
function withVariable(env: readonly string[], name: string, value: string): string[] {
  const at = env.findIndex((variable) => variable.startsWith(`${name}=`));
  return at === -1 ? [...env, `${name}=${value}`] : env.with(at, `${name}=${value}`);
}

function joinPath(from: string, to: string): string {
  const parts: string[] = [];
  for (const part of (to.startsWith("/") ? to : `${from}/${to}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

const HEALTH_FLAGS: Readonly<Record<string, keyof HealthConfig>> = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
  retries: "Retries",
};

function healthOf(text: string): HealthConfig {
  if (/^none$/i.test(text)) return { Test: ["NONE"] };
  const health: Record<string, number> = {};
  let rest = text;
  for (let flag = nextFlag(rest); flag !== undefined; flag = nextFlag(rest)) {
    const key = HEALTH_FLAGS[flag.name];
    if (key === undefined) throw new EngineError("invalid-argument", `unknown flag: --${flag.name}`);
    health[key] = key === "Retries" ? Number(flag.value) : parseDuration(flag.value);
    if (!Number.isInteger(health[key])) {
      throw new EngineError("invalid-argument", `invalid value of --${flag.name}: ${JSON.stringify(flag.value)}`);
    }
    rest = flag.rest;
  }
  const [, type = "", command = ""] = /^(\S+)\s+([\s\S]+)$/.exec(rest) ?? [];
  if (!/^cmd$/i.test(type)) {
    throw new EngineError("invalid-argument", `Unknown type ${JSON.stringify(type || rest)} in HEALTHCHECK (try CMD)`);
  }
  const words = jsonWords(command);
  return { Test: words === undefined ? ["CMD-SHELL", command] : ["CMD", ...words], ...health };
}

function nextFlag(text: string): { name: string; value: string; rest: string } | undefined {
  const [, name = "", value = "", rest = ""] = /^--([a-z-]+)=(\S*)\s+([\s\S]*)$/.exec(text) ?? [];
  return name === "" ? undefined : { name, value, rest };
}
