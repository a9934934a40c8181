import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { HostConfig } from "../../../src/model/container-config.ts";
import { stringifyExact } from "../../../src/model/json.ts";
import { planMounts } from "../../../src/model/mount-plan.ts";
import { resolveUser } from "../../../src/model/user-spec.ts";
import { buildRuntimeSpec } from "../../../src/spec/build-runtime-spec.ts";
import { cgroupsPathOf } from "../../../src/spec/cgroups-path.ts";
import { argvOf, mergeImageConfig } from "../../../src/spec/merge-image-config.ts";
import type { RuntimeSpec } from "../../../src/spec/runtime-spec.ts";
import type { DeviceInfo } from "../../../src/spec/spec-input.ts";
import { parseCreate } from "../cli/flags/parse-create.ts";
import { testHost } from "./test-host.ts";

/**
 * What dockerd 28.5 gave to runc for `docker run --network none ARGUMENTS busybox true`, recorded by a runtime that
 * kept each config.json: the first line is the whole of the plainest container, every other one says only in which
 * sections it differs (null: absent). Ids and dockerd's own directories have been replaced by words, and the device
 * rules, which dockerd 28 writes twice, stand once.
 */
interface Recorded {
  readonly arguments: readonly string[];
  readonly differs: Readonly<Record<string, unknown>>;
}

const recorded: readonly Recorded[] = readFileSync(new URL("docker-specs.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded);
const base = recorded[0]?.differs ?? {};

it.each(recorded.map((line) => [line.arguments.join(" "), line] as const))("docker run %s", async (_, line) => {
  const expected = Object.entries({ ...base, ...line.differs }).filter(([, value]) => value !== null);
  const spec = await specFor(line.arguments);
  expect(sectionsOf(spec)).toEqual(asWritten(Object.fromEntries(expected)));
});

async function specFor(args: readonly string[]): Promise<RuntimeSpec> {
  const networkArgs = args.includes("--network") ? args : ["--network", "none", ...args];
  const body = await parseCreate(...networkArgs, "busybox", "true");
  const config = mergeImageConfig(body, { Cmd: ["sh"] });
  const hostConfig = body.HostConfig;
  const mounts = planMounts({ config, hostConfig }).map((mount) => ({
    ...mount,
    source: mount.type === "volume" ? `/volumes/${mount.name}/_data` : mount.source,
  }));
  return buildRuntimeSpec({
    record: {
      config,
      hostConfig,
      endpoints: {},
      image: { reference: "docker.io/library/busybox:latest", id: "", target: "" },
      platform: "linux/amd64",
      argv: argvOf(config),
      mounts,
      logPath: "",
      stateDir: "",
    },
    user: resolveUser(
      { user: config.User, groupAdd: hostConfig.GroupAdd ?? [] },
      { passwd: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", group: GROUP_FILE },
    ),
    hostname: hostConfig.NetworkMode === "host" ? "vm" : "<short id>",
    sharedNamespaces: {},
    ...(hostConfig.IpcMode === "host" && { sharedShm: "/dev/shm" }),
    etcFiles: {
      resolvConf: "/etc-files/resolv.conf",
      hostname: "/etc-files/hostname",
      hosts: "/etc-files/hosts",
    },
    devices: hostConfig.Devices.map(deviceOf),
    blockDevices: { "/dev/loop0": { major: 7, minor: 0 } },
    host: testHost,
    cgroupsPath: cgroupsPathOf("<id>", hostConfig.CgroupParent || "/docker", testHost),
  });
}

const GROUP_FILE = "root:x:0:\nwheel:x:10:root\nnobody:x:65534:\n";

const DEVICES: Readonly<Record<string, Pick<DeviceInfo, "major" | "minor" | "fileMode">>> = {
  "/dev/fuse": { major: 10, minor: 229, fileMode: 0o600 },
  "/dev/null": { major: 1, minor: 3, fileMode: 0o666 },
  "/dev/zero": { major: 1, minor: 5, fileMode: 0o666 },
};

function deviceOf({ PathOnHost, PathInContainer, CgroupPermissions }: HostConfig["Devices"][number]): DeviceInfo {
  const node = DEVICES[PathOnHost] ?? { major: 0, minor: 0, fileMode: 0 };
  return { path: PathInContainer, type: "c", ...node, uid: 0, gid: 0, permissions: CgroupPermissions };
}

/** A spec by its sections, as they were recorded. */
function sectionsOf({ ociVersion: _, root, process, linux, ...rest }: RuntimeSpec): Record<string, unknown> {
  const { resources, ...others } = linux;
  const { path: __, ...rootOptions } = root;
  return asWritten({
    root: rootOptions,
    ...rest,
    ...prefixed("process", process),
    ...prefixed("linux", others),
    ...prefixed("linux.resources", resources),
  });
}

function prefixed(prefix: string, members: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [`${prefix}.${name}`, value]));
}

/** The document as the runtime reads it, without what says nothing, and the seccomp profile rule by rule. */
function asWritten(sections: Record<string, unknown>): Record<string, unknown> {
  const document = JSON.parse(stringifyExact(sections)) as Record<string, unknown>;
  const seccomp = document["linux.seccomp"] as { syscalls: { names: string[] }[] } | undefined;
  if (seccomp !== undefined) {
    const rules = seccomp.syscalls.flatMap(({ names, ...rule }) => names.map((name) => JSON.stringify([name, rule])));
    // Our profile is younger than dockerd 28's: it also forbids sockets of the kernel's crypto API, AF_ALG.
    document["linux.seccomp"] = { ...seccomp, syscalls: rules.filter((rule) => !rule.startsWith('["socket"')).sort() };
  }
  const masked = (document["linux.maskedPaths"] as string[] | undefined)?.filter((path) => !path.includes("thermal"));
  if (masked !== undefined) document["linux.maskedPaths"] = masked;
  return Object.fromEntries(Object.entries(document).filter(([, value]) => JSON.stringify(value) !== "{}"));
}
