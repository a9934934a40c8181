import type { PackageManagerName } from "./requirements.ts";
import { findExecutable } from "./search-path.ts";

/** How a distribution's package manager is asked, without a question back. */
interface PackageManager {
  readonly name: PackageManagerName;
  /** Fetches the lists of packages, where that is a step of its own. */
  readonly refresh: readonly string[] | undefined;
  readonly install: readonly string[];
}

const PACKAGE_MANAGERS: readonly PackageManager[] = [
  {
    name: "apt-get",
    refresh: ["apt-get", "update", "--quiet"],
    install: ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends"],
  },
  { name: "dnf", refresh: undefined, install: ["dnf", "install", "--assumeyes"] },
  { name: "zypper", refresh: undefined, install: ["zypper", "--non-interactive", "install"] },
  { name: "apk", refresh: undefined, install: ["apk", "add", "--update-cache"] },
  { name: "pacman", refresh: undefined, install: ["pacman", "--sync", "--refresh", "--noconfirm", "--needed"] },
];

/** The package manager of this host, or `undefined` where it is none that we know. */
export async function findPackageManager(searchPath: readonly string[]): Promise<PackageManagerName | undefined> {
  for (const { name } of PACKAGE_MANAGERS) {
    if ((await findExecutable([name], searchPath)) !== undefined) return name;
  }
  return undefined;
}

/** The commands that install the packages, in order; each is an argv. */
export function installCommands(manager: PackageManagerName, packages: readonly string[]): string[][] {
  const { refresh, install } = PACKAGE_MANAGERS.find(({ name }) => name === manager) as PackageManager;
  return [...(refresh === undefined ? [] : [[...refresh]]), [...install, ...packages]];
}
