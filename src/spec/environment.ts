const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EnvironmentInput {
  readonly hostname: string;
  readonly terminal: boolean;
  /** `NAME=value`, laid over the defaults in order; a bare `NAME` removes one. */
  readonly env: readonly string[];
}

/**
 * The environment of a process: docker's defaults with the container's variables over them, each in the place where it
 * first stood. HOME is not here: the runtime takes it from the user's entry in the container's /etc/passwd.
 */
export function buildEnvironment({ hostname, terminal, env }: EnvironmentInput): readonly string[] {
  const variables = new Map<string, string>([
    ["PATH", DEFAULT_PATH],
    ["HOSTNAME", hostname],
  ]);
  if (terminal) variables.set("TERM", "xterm");
  for (const variable of env) {
    const equals = variable.indexOf("=");
    if (equals === -1) variables.delete(variable);
    else variables.set(variable.slice(0, equals), variable.slice(equals + 1));
  }
  return [...variables].map(([name, value]) => `${name}=${value}`);
}
