const SYSTEM_DIRECTORIES = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Where commands are looked for: PATH, then the system's own directories, which an ordinary user's PATH may lack. */
export function commandSearchPath(env: NodeJS.ProcessEnv): string[] {
  const own = (env.PATH ?? "").split(":").filter((directory) => directory !== "");
  return [...new Set([...own, ...SYSTEM_DIRECTORIES])];
}
