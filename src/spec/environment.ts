const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EnvironmentInput {
  readonly hostname: string;
  readonly terminal: boolean;
  /** `NAME=value`, laid over the defaults in order; a bare `NAME` removes one. */
  readonly env: readonly string[];
}

/**
 * The environment of a container's process: docker's defaults with the container's variables over them. HOME is not
 * here: the runtime takes it from the user's entry in the container's /etc/passwd.
 */
export function buildEnvironment({ hostname, terminal, env }: EnvironmentInput): readonly string[] {
  return mergeEnvironment([
    `PATH=${DEFAULT_PATH}`,
    `HOSTNAME=${hostname}`,
    ...(terminal ? ["TERM=xterm"] : []),
    ...env,
  ]);
}

/** Of two values of one variable the later counts, in the place of the first; a bare `NAME` removes the variable. */
export function mergeEnvironment(variables: readonly string[]): readonly string[] {
  const merged = new Map<string, string>();
  for (const variable of variables) {
    const equals = variable.indexOf("=");
    if (equals === -1) merged.delete(variable);
    else merged.set(variable.slice(0, equals), variable.slice(equals + 1));
  }
  return [...merged].map(([name, value]) => `${name}=${value}`);
}
