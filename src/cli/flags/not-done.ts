/** docker's flags that are accepted, checked and recorded, and what does not come of them here. */
const NOT_DONE: Readonly<Record<string, string>> = {
  "cpu-count": "limits Windows containers only",
  "cpu-percent": "limits Windows containers only",
  gpus: "no GPU is passed to the container",
  "io-maxbandwidth": "limits Windows containers only",
  "io-maxiops": "limits Windows containers only",
  ip6: "the container gets no IPv6 address",
  "kernel-memory": "no kernel has this limit any more",
  link: "the container does not learn the other one's name and environment",
  "link-local-ip": "the container gets no link-local address",
  "network-alias": "the container is not found by its alias",
  "storage-opt": "the snapshotter takes no options",
  "use-api-socket": "the API socket is not mounted into the container",
  "volume-driver": "volumes are directories of the host",
};

/** A line for each flag given that has no effect; one line where several have none for the same reason. */
export function notDoneWarnings(flags: object): string[] {
  const values = new Map(Object.entries(flags));
  const given = Object.keys(NOT_DONE).filter((name) => isGiven(values.get(name)));
  const reasons = [...new Set(given.map((name) => NOT_DONE[name]))];
  return reasons.map((reason) => {
    const names = given.filter((name) => NOT_DONE[name] === reason).map((name) => `--${name}`);
    return `${names.join(", ")}: ${reason}`;
  });
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false && value !== "local";
}
