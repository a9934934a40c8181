import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "./program.ts";
import { waitUntil } from "./wait-until.ts";

/** What a container has, or has left, in the host's network: its namespace, cable, rules and addresses. */
export async function networkTraces(runRoot: string, containerId: string): Promise<string[]> {
  const [rules, links, namespaces, files] = await Promise.all([
    runProgram("iptables-save", []),
    runProgram("ip", ["-oneline", "link", "show"]),
    runProgram("ip", ["netns", "list"]),
    readdir(runRoot, { recursive: true, withFileTypes: true }),
  ]);
  const addresses = await Promise.all(
    files
      .filter((entry) => entry.isFile() && entry.parentPath.includes("/ipam/"))
      .map((entry) => runProgram("cat", [join(entry.parentPath, entry.name)], { mayFail: true })),
  );
  const lines = [rules, links, namespaces, ...addresses].flatMap(({ stdout }) => stdout.split("\n"));
  return lines.filter((line) => line.includes(containerId.slice(0, 10)));
}

/** Waits until a container has left nothing: its network is given back behind the command that ended it. */
export async function noNetworkTraces(runRoot: string, containerId: string): Promise<void> {
  await waitUntil(`nothing of ${containerId} is left in the network`, async () => {
    return (await networkTraces(runRoot, containerId)).length === 0;
  });
}
