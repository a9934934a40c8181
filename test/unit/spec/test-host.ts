import { ALL_CAPABILITIES } from "../../../src/spec/capabilities.ts";
import type { HostFacts } from "../../../src/spec/host-facts.ts";

/** The machine on which docker's specs were recorded: cgroup v1, no AppArmor, root without CAP_SYS_RESOURCE. */
export const testHost: HostFacts = {
  cgroupVersion: 1,
  cgroupDriver: "cgroupfs",
  boundingCapabilities: ALL_CAPABILITIES.filter((name) => name !== "CAP_SYS_RESOURCE"),
  apparmor: false,
  defaultApparmorProfile: undefined,
  selinux: false,
  seccomp: true,
  kernelVersion: "6.18.44",
  architecture: "amd64",
  hostname: "vm",
  cpuCount: 2,
  memoryBytes: 8 * 1024 ** 3,
  blockIoWeight: false,
  swapLimit: true,
  hardLimits: {},
  initBinary: "/usr/bin/docker-init",
};
