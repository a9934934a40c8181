import { Flags } from "../parameters.ts";

/** How registries are reached, for commands that speak to one; `resolveSettings` reads them. */
export const registryFlags = {
  "insecure-registry": Flags.boolean({
    summary: "Take any certificate of registries, and speak to them without TLS where they have none",
  }),
  "hosts-dir": Flags.string({
    multiple: true,
    helpValue: "list",
    summary: "Directories of registries' hosts.toml, in place of /etc/containerd/certs.d (WHARF_HOSTS_DIR)",
  }),
};
