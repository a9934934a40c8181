/** A program that wharf needs on the host. */
export interface Requirement {
  readonly name: string;
  /** What does not work without it. */
  readonly purpose: string;
  /** File names, any of which will do. */
  readonly files: readonly string[];
  /** Looked up in the CNI plugin directories instead of the search path. */
  readonly isCniPlugin: boolean;
  /** The package that brings it, by package manager. */
  readonly packages: Readonly<Record<PackageManagerName, string>>;
}

export type PackageManagerName = "apt-get" | "dnf" | "zypper" | "apk" | "pacman";

/** In the order in which a container needs them. */
export const REQUIREMENTS: readonly Requirement[] = [
  {
    name: "containerd",
    purpose: "keeps images, snapshots and containers",
    files: ["containerd"],
    isCniPlugin: false,
    packages: packagesNamed("containerd"),
  },
  {
    name: "containerd-shim-runc-v2",
    purpose: "holds a running container",
    files: ["containerd-shim-runc-v2"],
    isCniPlugin: false,
    packages: packagesNamed("containerd"),
  },
  {
    name: "runc",
    purpose: "starts processes in containers",
    files: ["runc", "crun"],
    isCniPlugin: false,
    packages: packagesNamed("runc"),
  },
  ...["bridge", "host-local", "portmap", "firewall", "loopback"].map(cniPlugin),
  {
    name: "iptables",
    purpose: "publishes ports and lets containers reach the outside",
    files: ["iptables"],
    isCniPlugin: false,
    packages: packagesNamed("iptables"),
  },
  {
    name: "ip",
    purpose: "makes network namespaces",
    files: ["ip"],
    isCniPlugin: false,
    packages: { ...packagesNamed("iproute2"), dnf: "iproute" },
  },
  {
    name: "flock",
    purpose: "keeps a second supervisor from running beside the first",
    files: ["flock"],
    isCniPlugin: false,
    packages: { ...packagesNamed("util-linux"), apk: "flock" },
  },
  {
    name: "tini",
    purpose: "is the init process of `run --init`",
    files: ["tini-static", "tini", "docker-init"],
    isCniPlugin: false,
    packages: packagesNamed("tini"),
  },
];

function cniPlugin(name: string): Requirement {
  return {
    name: `CNI plugin ${name}`,
    purpose: "connects containers to networks",
    files: [name],
    isCniPlugin: true,
    packages: {
      "apt-get": "containernetworking-plugins",
      dnf: "containernetworking-plugins",
      zypper: "cni-plugins",
      apk: "cni-plugins",
      pacman: "cni-plugins",
    },
  };
}

function packagesNamed(name: string): Record<PackageManagerName, string> {
  return { "apt-get": name, dnf: name, zypper: name, apk: name, pacman: name };
}
