import { EngineError } from "../errors.ts";

/** Parses TOML. The parser is loaded by those alone who have such a file. @throws EngineError `invalid-argument`, naming it. */
export async function parseToml(text: string, path: string): Promise<Record<string, unknown>> {
  const { parse } = await import("smol-toml");
  try {
    return parse(text);
  } catch (error) {
    // The parser quotes the file below its first line.
    const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
    throw new EngineError("invalid-argument", `${path}: ${reason}`);
  }
}
