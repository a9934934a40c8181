import { runProgram } from "./program.ts";
import { waitUntil } from "./wait-until.ts";

/** What a container has, or has left, in the host's network: its namespace, cable, rules and addresses. */
export async function networkTraces(runRoot: string, containerId: string): Promise<string[]> {
  const [rules, links, namespaces, files] = await Promise.all([
    runProgram("iptables-save", []),
    runProgram("ip", ["-oneline", "link", "show"]),
    runProgram("ip", ["netns", "list"]),
    // Not `readdir`, which fails when a test beside this one takes a directory away that it is about to read.
    runProgram("find", [runRoot, "-path", "*/ipam/*", "-type", "f"], { mayFail: true }),
  ]);
  const addresses = await Promise.all(
    files.stdout
      .split("\n")
      .filter((path) => path !== "")
      .map((path) => runProgram("cat", [path], { mayFail: true })),
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
