import { createHash } from "node:crypto";
import { runTool, runToolOrThrow } from "./tool.ts";

/**
 * Removes the masquerading rules that the bridge plugin leaves behind when DEL comes after the end of the network
 * namespace: it looks the container's addresses up there. The plugin names a chain of its own for each container, and
 * marks the jump into it.
 */
export async function removePluginLeftovers(network: string, containerId: string): Promise<void> {
  const chain = `CNI-${createHash("sha512").update(`${network}${containerId}`).digest("hex")}`.slice(0, 28);
  const saved = await runTool("iptables-save", ["-t", "nat"]).catch(() => undefined);
  const lines = (saved?.stdout ?? "").split("\n");
  if (!lines.some((line) => line.startsWith(`:${chain} `))) return;
  const jumps = lines.filter((line) => line.startsWith("-A ") && line.endsWith(` -j ${chain}`));
  const changes = [...jumps.map((line) => `-D${line.slice(2)}`), `-F ${chain}`, `-X ${chain}`];
  await runToolOrThrow("iptables-restore", ["--noflush", "-w", "30"], {
    stdin: ["*nat", ...changes, "COMMIT", ""].join("\n"),
  });
}
