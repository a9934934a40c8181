/** What this needs to know of a command; oclif's classes and manifest entries both have it. */
export interface UsageShape {
  readonly usage?: string | string[] | undefined;
  readonly args?: Readonly<Record<string, { required?: boolean | undefined; multiple?: boolean | undefined }>>;
  readonly flags?: Readonly<Record<string, unknown>>;
}

/** docker's usage line, less the command: `[OPTIONS] CONTAINER [CONTAINER...]`. */
export function usageLine(command: UsageShape): string {
  if (typeof command.usage === "string") return command.usage;
  const words = Object.entries(command.args ?? {}).map(([name, arg]) => {
    const word = name.toUpperCase();
    const repeated = arg.multiple ? ` [${word}...]` : "";
    return arg.required ? `${word}${repeated}` : `[${word}${arg.multiple ? "..." : ""}]`;
  });
  return [...(Object.keys(command.flags ?? {}).length > 0 ? ["[OPTIONS]"] : []), ...words].join(" ");
}
