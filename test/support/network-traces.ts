import { runProgram } from "./program.ts";
import { waitUntil } from "./wait-until.ts";

/** What containers have, or have left, in the host's network: namespaces, cables, rules and addresses. */
export async function networkTraces(runRoot: string, ...containerIds: readonly string[]): Promise<string[]> {
  const outputs = await Promise.all([
    runProgram("iptables-save", []),
    runProgram("ip", ["-oneline", "link", "show"]),
    runProgram("ip", ["netns", "list"]),
    // Not `readdir`, which fails when a test beside this one takes a directory away that it is about to read.
    runProgram("find", [runRoot, "-path", "*/ipam/*", "-type", "f", "-exec", "cat", "{}", "+"], { mayFail: true }),
  ]);
  const lines = outputs.flatMap(({ stdout }) => stdout.split("\n"));
  return lines.filter((line) => containerIds.some((id) => line.includes(id.slice(0, 10))));
}

/** Waits until containers have left nothing: their network is given back behind the command that ended them. */
export async function noNetworkTraces(runRoot: string, ...containerIds: readonly string[]): Promise<void> {
  await waitUntil(`nothing of ${containerIds.join(", ")} is left in the network`, async () => {
    return (await networkTraces(runRoot, ...containerIds)).length === 0;
  });
}
