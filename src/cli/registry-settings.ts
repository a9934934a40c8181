import { homedir } from "node:os";
import { join } from "node:path";
import type { Settings } from "../model/settings.ts";
import type { RegistryOptions } from "../registry/open-session.ts";
import { VERSION } from "./version.ts";

const CONTAINERD_CONFIG = "/etc/containerd/config.toml";
/** k3s and rke2 run a containerd of their own, whose configuration they write. */
const K3S_SOCKET = /^(?:\/var)?\/run\/k3s\//;
const K3S_CONFIG = "/var/lib/rancher/k3s/agent/etc/containerd/config.toml";
const HOSTS_DIRECTORIES = ["/etc/containerd/certs.d", "/etc/docker/certs.d"];

/** Directory of docker's `config.json`. */
export function dockerConfigDirectory(env: NodeJS.ProcessEnv): string {
  return env.DOCKER_CONFIG || join(homedir(), ".docker");
}

/** How registries are reached: by the files that containerd and docker read, and by what the user says beside them. */
export function registryOptionsFor(
  { address, registries }: Pick<Settings, "address" | "registries">,
  env: NodeJS.ProcessEnv,
): RegistryOptions {
  const config = K3S_SOCKET.test(address) ? K3S_CONFIG : CONTAINERD_CONFIG;
  return {
    configDirectory: dockerConfigDirectory(env),
    userAgent: `wharf/${VERSION}`,
    environment: env,
    hosts: {
      hostsDirectories: registries.hostsDirectories,
      defaultHostsDirectories: HOSTS_DIRECTORIES,
      containerdConfig: env.WHARF_CONTAINERD_CONFIG || config,
      certificates: "/etc/docker/certs.d",
      daemonConfig: "/etc/docker/daemon.json",
      insecureRegistries: registries.insecure,
    },
  };
}
