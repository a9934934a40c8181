import { createInterface } from "node:readline/promises";
import { print } from "./output.ts";

/**
 * Asks a question as docker does, on stdout, and takes `y` for yes; anything else, or the end of the input, is a no.
 */
export async function confirm(question: string, { signal }: { readonly signal: AbortSignal }): Promise<boolean> {
  print(`${question} [y/N] `);
  const lines = createInterface({ input: process.stdin });
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      lines.once("line", resolve);
      lines.once("close", () => resolve(""));
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    return answer.trim().toLowerCase() === "y";
  } finally {
    lines.close();
    process.stdin.pause();
  }
}
