/** A line of a hosts file. */
export interface HostEntry {
  readonly address: string;
  readonly names: readonly string[];
}

const BEGIN = "# Written by wharf; lines outside of this block stay.";
const END = "# End of wharf's block.";

const LOCAL_ENTRIES: readonly HostEntry[] = [
  { address: "127.0.0.1", names: ["localhost"] },
  { address: "::1", names: ["localhost", "ip6-localhost", "ip6-loopback"] },
  { address: "fe00::", names: ["ip6-localnet"] },
  { address: "ff00::", names: ["ip6-mcastprefix"] },
  { address: "ff02::1", names: ["ip6-allnodes"] },
  { address: "ff02::2", names: ["ip6-allrouters"] },
];

/** What every container with a network namespace of its own begins with. */
export const LOCAL_HOSTS = LOCAL_ENTRIES.map(formatEntry).join("");

/** The text of a hosts file with wharf's block replaced, or put at its end. */
export function withHostEntries(text: string, entries: readonly HostEntry[]): string {
  // The last ones: somebody may have torn an earlier block apart, and what is in between is not ours.
  const end = text.lastIndexOf(`${END}\n`);
  const begin = end === -1 ? -1 : text.lastIndexOf(`${BEGIN}\n`, end);
  const block = entries.length === 0 ? "" : `${BEGIN}\n${entries.map(formatEntry).join("")}${END}\n`;
  if (begin !== -1 && end !== -1) return text.slice(0, begin) + block + text.slice(end + END.length + 1);
  return (text === "" || text.endsWith("\n") ? text : `${text}\n`) + block;
}

function formatEntry({ address, names }: HostEntry): string {
  return `${address}\t${names.join(" ")}\n`;
}
