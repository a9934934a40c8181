import {
  formatBinarySize,
  formatDecimalSize,
  parseByteSize,
  parseByteSizeOrUnlimited,
} from "../../../src/model/byte-size.ts";
import { parseContainerName } from "../../../src/model/container-name.ts";
import { parseCpus } from "../../../src/model/cpus.ts";
import { splitCsv } from "../../../src/model/csv.ts";
import { DetachScanner, parseDetachKeys } from "../../../src/model/detach-keys.ts";
import {
  parseBytesPerSecond,
  parseDevice,
  parseDeviceCgroupRule,
  parseOperationsPerSecond,
  parseWeightDevice,
} from "../../../src/model/device-mapping.ts";
import { isDigest, parseDigest } from "../../../src/model/digest.ts";
import { parseDuration } from "../../../src/model/duration.ts";
import { parseDnsSearch, parseDnsServer, parseExtraHost, splitExtraHost } from "../../../src/model/extra-host.ts";
import { Filters } from "../../../src/model/filters.ts";
import { matchesGlob } from "../../../src/model/glob.ts";
import { parseGpus } from "../../../src/model/gpu-request.ts";
import { isIpAddress, isIpv4, isIpv6 } from "../../../src/model/ip-address.ts";
import { IpNetwork } from "../../../src/model/ip-network.ts";
import { keyValueMap, parseEnvironmentVariable, parseKeyValueFile, parseLabel } from "../../../src/model/key-values.ts";
import { parseMoment } from "../../../src/model/moment.ts";
import { checkMount } from "../../../src/model/mount-check.ts";
import { planMounts } from "../../../src/model/mount-plan.ts";
import { parseMount } from "../../../src/model/mount-spec.ts";
import { parseNamespaceName } from "../../../src/model/namespace-name.ts";
import { endpointSettings, parseMacAddress, parseNetwork } from "../../../src/model/network-attachment.ts";
import { resolvePath } from "../../../src/model/path.ts";
import { formatPlatform, parsePlatform } from "../../../src/model/platform.ts";
import { parseExpose, parsePortKey, parsePortRange, parsePublish, portBindings } from "../../../src/model/port-spec.ts";
import { Reference } from "../../../src/model/reference.ts";
import { parseRestartPolicy } from "../../../src/model/restart-policy.ts";
import { parseSignal } from "../../../src/model/signal.ts";
import { parseSysctl } from "../../../src/model/sysctl.ts";
import { checkTmpfsOptions, mergeTmpfsOptions } from "../../../src/model/tmpfs-options.ts";
import { parseUlimit } from "../../../src/model/ulimit.ts";
import { resolveUser } from "../../../src/model/user-spec.ts";
import { parseBind, parseVolume } from "../../../src/model/volume-spec.ts";
import { hostOfDomain } from "../../../src/registry/hosts.ts";
import { normalizeCapability } from "../../../src/spec/capabilities.ts";
import { parseSecurityOptions } from "../../../src/spec/security-options.ts";
import { workingDirectory } from "../../../src/spec/working-directory.ts";
import { bytesTarget, expectThat, type Target, textTarget } from "../target.ts";

const SHA = "0123456789abcdef".repeat(4);
const NOW = new Date("2026-01-02T03:04:05.678Z");
const cwd = "/work";

const isWhole = (value: number) => Number.isInteger(value);

/** Values of flags and of the API. */
export const VALUE_TARGETS: readonly Target[] = [
  textTarget(
    "reference",
    {
      seeds: [
        "busybox",
        "docker.io/library/busybox:latest",
        `localhost:5000/a/b-c__d.e:v1@sha256:${SHA}`,
        "[::1]:5000/x",
        SHA,
      ],
      pieces: ["@sha256:", SHA, ":5000", "library/", "docker.io/"],
    },
    (text) => {
      const reference = Reference.parse(text);
      expectThat(
        Reference.parse(reference.toString()).toString() === reference.toString(),
        "canonical form reads otherwise",
      );
      // docker's own familiar form is ambiguous where a repository of the Hub begins as a domain does.
      if (!/^docker\.io\/(localhost|[^/]*\.[^/]*)\//.test(reference.repository)) {
        expectThat(
          Reference.parse(reference.familiar()).toString() === reference.toString(),
          "familiar form reads otherwise",
        );
      }
      expectThat(!reference.path.split("/").some((part) => part === "" || part === ".."), "path leads up");
      for (const origin of hostOfDomain(reference.domain).origins) expectThat(URL.canParse(origin), "origin is none");
    },
  ),
  textTarget("digest", { seeds: [`sha256:${SHA}`, `sha512:${SHA}${SHA}`], pieces: ["sha384:", SHA] }, (text) => {
    expectThat(isDigest(parseDigest(text)) && /^[a-z0-9]+:[a-f0-9]+$/.test(text), "is no digest");
  }),
  textTarget(
    "platform",
    { seeds: ["linux/amd64", "linux/arm/v7", "arm64", "windows"], pieces: ["linux", "x86_64", "v8"] },
    (text) => {
      const platform = parsePlatform(text, { os: "linux", architecture: "amd64" });
      const again = parsePlatform(formatPlatform(platform), platform);
      expectThat(formatPlatform(again) === formatPlatform(platform), "formatted platform reads otherwise");
    },
  ),
  textTarget(
    "publish",
    {
      seeds: ["80", "8080:80/udp", "127.0.0.1:1000-1010:80-90", "[::1]::53/udp"],
      pieces: ["/tcp", "/sctp", "65535", "65536"],
    },
    (text) => {
      for (const [key, bindings] of Object.entries(portBindings(parsePublish(text)))) {
        const { port } = parsePortKey(key);
        expectThat(isWhole(port) && port >= 0 && port < 65536, `port ${port}`);
        expectThat(bindings.length > 0, "no binding");
      }
    },
  ),
  textTarget("expose", { seeds: ["80", "80/udp", "7000-7010/tcp"], pieces: ["65535", "65536", "/tcp"] }, (text) => {
    for (const key of parseExpose(text)) parsePortKey(key);
    parsePortRange(text);
  }),
  textTarget(
    "mount",
    {
      seeds: [
        "type=bind,src=/a,dst=/b,ro",
        "type=volume,src=v,dst=/b,volume-opt=a=b",
        "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1777",
        '"type=bind","src=/a,b",dst=/c',
      ],
      pieces: ["type=", "src=", "dst=", "bind-propagation=rshared", "volume-subpath=../x", "tmpfs-size=", "readonly"],
    },
    (text) => {
      const mount = parseMount(text, { cwd });
      checkMount(mount);
      planMounts({ config: { Volumes: null }, hostConfig: { Binds: null, Mounts: [mount], VolumeDriver: "" } }).forEach(
        expectCleanTarget,
      );
    },
  ),
  textTarget(
    "volume",
    {
      seeds: ["/a:/b:ro", "name:/data", "/only", "./x:/y:rshared,z", "C:\\a:/b"],
      pieces: [":ro", ":nocopy", ":/", "rprivate"],
    },
    (text) => {
      parseVolume(text, { cwd });
      parseBind(text);
      const hostConfig = { Binds: [text], VolumeDriver: "" };
      planMounts({ config: { Volumes: null }, hostConfig }).forEach(expectCleanTarget);
    },
  ),
  textTarget(
    "tmpfs options",
    { seeds: ["size=64m,mode=1777", "rw,noexec,nosuid", "uid=5,gid=6,nr_inodes=1k"], pieces: ["size=", "exec", "ro"] },
    (text) => {
      checkTmpfsOptions(text);
      mergeTmpfsOptions(text.split(","));
    },
  ),
  textTarget(
    "byte size",
    { seeds: ["64m", "1.5 GiB", "1024", "-1", "10KB"], pieces: ["kb", "mib", "t", "p"] },
    (text) => {
      const size = parseByteSizeOrUnlimited(text);
      expectThat(isWhole(size) && size >= -1, `size ${size}`);
      expectThat(isWhole(parseByteSize(text)), "size is no whole number");
      formatBinarySize(size);
      formatDecimalSize(size);
    },
  ),
  textTarget("cpus", { seeds: ["0.5", "2", "1.000000001", "1/3"], pieces: ["e9", "0.0000000001"] }, (text) => {
    expectThat(isWhole(parseCpus(text)), "no whole number of 1e-9 CPUs");
  }),
  textTarget(
    "duration",
    { seeds: ["1h2m3.5s", "100ms", "-1us", "0", "1µs"], pieces: ["ns", "µs", "ms", "h", "m", "s"] },
    (text) => {
      expectThat(Number.isFinite(parseDuration(text)), "no finite duration");
    },
  ),
  textTarget(
    "moment",
    {
      seeds: ["2026-01-02T03:04:05.123456789Z", "2026-01-02", "1700000000.5", "10m", "2026-01-02T03:04:05+05:30"],
      pieces: ["T", "Z", "+00:00", "23:59:60"],
    },
    (text) => {
      const moment = parseMoment(text, NOW);
      expectThat(/^-?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/.test(moment), `moment ${moment}`);
      expectThat(!Number.isNaN(Date.parse(moment)), "moment is no time");
    },
  ),
  textTarget(
    "filters",
    { seeds: ["status=exited", "label=a=b", "name=^x", "id="], pieces: ["name=", "(a+)+$", "label="] },
    (text) => {
      const filters = Filters.parse([text]);
      expectThat(Filters.fromJson(filters.toJson()).toJson() === filters.toJson(), "filters read otherwise");
      for (const key of ["name", "label", "status"]) {
        filters.matchesExactly(key, "abc");
        filters.matchesPrefix(key, "abc");
        filters.matchesLabels(key, { a: "b" });
      }
    },
  ),
  textTarget(
    "glob",
    { seeds: ["a*b?c", "[a-z]*", "\\*", "[^a]"], pieces: ["[z-a]", "[]", "[^", "**", "[\\"] },
    (text) => {
      matchesGlob(text, "library/some-name_1");
    },
  ),
  textTarget("key=value", { seeds: ["a=b", "KEY", "=", "a=b=c"] }, (text) => {
    parseLabel(text);
    parseEnvironmentVariable(text, () => undefined);
    expectThat(Object.getPrototypeOf(keyValueMap([text])) === Object.prototype, "prototype was changed");
  }),
  bytesTarget(
    "env file",
    { seeds: [Buffer.from("A=1\n# comment\n  B=two words \r\nC\n"), Buffer.from("\ufeffA=ä\n")] },
    (content) => {
      const lines = parseKeyValueFile({
        path: "f",
        content,
        kind: "env file",
        lookUp: (name) => (name === "C" ? "3" : undefined),
      });
      expectThat(
        lines.every((line) => !line.includes("\n") && line.indexOf("=") > 0),
        "line without a name",
      );
    },
  ),
  textTarget(
    "user",
    { seeds: ["root", "nobody:users", "1000:1000", "0", ":5"], pieces: ["2147483647", "2147483648", "-1"] },
    (text) => {
      const passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:\n";
      const user = resolveUser({ user: text, groupAdd: [text] }, { passwd, group: "root:x:0:\nusers:x:100:nobody\n" });
      expectUser(user);
    },
  ),
  textTarget(
    "passwd and group",
    {
      seeds: [
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:\n",
        "users:x:100:root,nobody\n",
        "+::::::\n#c\n\n",
      ],
      pieces: ["\n", ":x:", "nobody", "4294967295"],
    },
    (text) => {
      expectUser(resolveUser({ user: "nobody", groupAdd: [] }, { passwd: text, group: text }));
      expectUser(resolveUser({ user: "0", groupAdd: ["users"] }, { passwd: text, group: text }));
    },
  ),
  textTarget("device", { seeds: ["/dev/null", "/dev/a:/dev/b:rwm", "/dev/x:r"], pieces: [":rwm", ":m"] }, (text) => {
    expectThat(/^[rwm]{1,3}$/.test(parseDevice(text).CgroupPermissions), "device without permissions");
  }),
  textTarget(
    "device rule and rate",
    { seeds: ["c 1:3 rwm", "/dev/sda:500", "/dev/sda:1mb", "a *:* r"], pieces: ["*:*", ":1gb"] },
    (text) => {
      for (const parse of [parseDeviceCgroupRule, parseWeightDevice, parseBytesPerSecond, parseOperationsPerSecond])
        attempt(() => parse(text));
    },
  ),
  textTarget("ulimit", { seeds: ["nofile=1024:2048", "core=-1", "cpu=5"], pieces: ["unlimited", "nproc="] }, (text) => {
    const { Soft, Hard } = parseUlimit(text);
    expectThat(isWhole(Soft) && isWhole(Hard), `ulimit ${Soft}:${Hard}`);
  }),
  textTarget(
    "sysctl",
    { seeds: ["net.ipv4.ip_forward=1", "kernel.shmmax=5", "net/ipv4/x=1"], pieces: ["net.", "fs.mqueue."] },
    parseSysctl,
  ),
  textTarget(
    "signal",
    { seeds: ["SIGTERM", "KILL", "9", "SIGRTMIN+3", "rtmax-1"], pieces: ["SIG", "RT", "64", "65"] },
    (text) => {
      const signal = parseSignal(text);
      expectThat(isWhole(signal) && signal > 0 && signal <= 64, `signal ${signal}`);
    },
  ),
  textTarget("capability", { seeds: ["NET_ADMIN", "cap_sys_admin", "ALL"], pieces: ["CAP_"] }, (text) => {
    expectThat(/^(ALL|CAP_[A-Z_]+)$/.test(normalizeCapability(text, "CapAdd")), "no capability");
  }),
  textTarget(
    "detach keys",
    { seeds: ["ctrl-p,ctrl-q", "a,b,DEL", "ctrl-@", "ctrl-["], pieces: ["ctrl-", "DEL", ","] },
    (text) => {
      const keys = parseDetachKeys(text);
      const scanner = new DetachScanner(keys);
      const { detached } = scanner.scan(keys);
      expectThat(detached === keys.length > 0, "the keys do not detach");
    },
  ),
  textTarget(
    "restart policy",
    { seeds: ["always", "on-failure:5", "unless-stopped", "no"], pieces: ["on-failure:"] },
    (text) => {
      const { MaximumRetryCount } = parseRestartPolicy(text);
      expectThat(isWhole(MaximumRetryCount) && MaximumRetryCount >= 0, "count of restarts");
    },
  ),
  textTarget(
    "network",
    {
      seeds: ["bridge", "name=net,alias=a,ip=10.0.0.5", "host", "container:x"],
      pieces: ["name=", "mac-address=", "driver-opt=", "gw-priority="],
    },
    (text) => {
      endpointSettings(parseNetwork(text));
    },
  ),
  textTarget("mac address", { seeds: ["02:42:ac:11:00:02", "0242.ac11.0002"], pieces: ["ff", ":"] }, parseMacAddress),
  textTarget(
    "extra host",
    { seeds: ["db:10.0.0.1", "db=10.0.0.1", "h:host-gateway", "h:[::1]"], pieces: ["host-gateway"] },
    (text) => {
      splitExtraHost(parseExtraHost(text));
    },
  ),
  textTarget("dns", { seeds: ["8.8.8.8", "2001:db8::1", "example.com", "."], pieces: ["::1"] }, (text) => {
    attempt(() => parseDnsServer(text));
    attempt(() => parseDnsSearch(text));
  }),
  textTarget(
    "ip address",
    { seeds: ["10.0.0.1", "::1", "fe80::1%eth0", "::ffff:1.2.3.4"], pieces: ["::", "255", "256"] },
    (text) => {
      expectThat(isIpAddress(text) === (isIpv4(text) || isIpv6(text)), "kinds of address");
    },
  ),
  textTarget(
    "ip network",
    { seeds: ["10.0.0.0/8", "192.168.1.5/24", "0.0.0.0/0"], pieces: ["/33", "/32", "/31"] },
    (text) => {
      const network = IpNetwork.parse(text);
      expectThat(IpNetwork.parse(network.toString()).toString() === network.toString(), "network reads otherwise");
    },
  ),
  textTarget(
    "gpus",
    {
      seeds: ["all", "2", "device=0,1", '"device=0,1",capabilities=utility'],
      pieces: ["driver=", "options=", "count="],
    },
    (text) => {
      parseGpus(text);
    },
  ),
  textTarget("csv", { seeds: ['a,"b,c",d', '"a""b"', "a,b"], pieces: ['""', '","'] }, splitCsv),
  textTarget("container name", { seeds: ["web", "/web", "a.b-c_d"], pieces: ["/"] }, (text) => {
    expectThat(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(parseContainerName(text)), "name");
  }),
  textTarget("namespace", { seeds: ["default", "k8s.io", "a-b_c.d"] }, (text) => {
    expectThat(!/[/\0]|\.\./.test(parseNamespaceName(text)), "namespace that leads elsewhere");
  }),
  textTarget(
    "security options",
    {
      seeds: ["seccomp=unconfined", "apparmor=x", "no-new-privileges:true", "label=type:x", "systempaths=unconfined"],
      pieces: ["label:", "=unconfined", "no-new-privileges"],
    },
    (text) => {
      parseSecurityOptions([text]);
    },
  ),
  textTarget(
    "paths",
    { seeds: ["/a/../b", "a/./b//c/", "../../x", "/proc/self/fd/3"], pieces: ["/proc/self/", "fd", "cwd"] },
    (text) => {
      const path = resolvePath("/base", text);
      expectThat(path.startsWith("/") && !path.split("/").includes(".."), `path ${path}`);
      expectThat(!/^\/proc\/self\/fd(\/|$)/.test(workingDirectory(text)), "working directory");
    },
  ),
];

function expectCleanTarget({ destination }: { readonly destination: string }): void {
  const clean =
    destination.startsWith("/") && !/\/\.{0,2}(\/|$)/.test(destination.slice(1) === "" ? "/x" : destination);
  expectThat(clean, `destination ${destination}`);
}

function expectUser({ uid, gid, additionalGids }: ReturnType<typeof resolveUser>): void {
  for (const id of [uid, gid, ...additionalGids]) expectThat(isWhole(id) && id >= 0 && id <= 0xffff_ffff, `id ${id}`);
}

/** Where several parsers take one input: each of them may refuse it. */
function attempt(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    if ((error as Error).name !== "EngineError") throw error;
  }
}
