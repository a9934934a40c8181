import { describe, expect, it } from "vitest";
import { parseContainerName, randomContainerName } from "../../../src/model/container-name.ts";
import { parseCpus } from "../../../src/model/cpus.ts";
import { parseDetachKeys } from "../../../src/model/detach-keys.ts";
import {
  isCdiDevice,
  parseBytesPerSecond,
  parseDevice,
  parseDeviceCgroupRule,
  parseOperationsPerSecond,
  parseWeightDevice,
} from "../../../src/model/device-mapping.ts";
import { parseDnsSearch, parseDnsServer, parseExtraHost } from "../../../src/model/extra-host.ts";
import { parseGpus } from "../../../src/model/gpu-request.ts";
import { isIpv4, isIpv6 } from "../../../src/model/ip-address.ts";
import { keyValueMap, parseEnvironmentVariable, parseKeyValueFile, parseLabel } from "../../../src/model/key-values.ts";
import { endpointSettings, parseMacAddress, parseNetwork } from "../../../src/model/network-attachment.ts";
import { parseRestartPolicy } from "../../../src/model/restart-policy.ts";
import { parseSysctl } from "../../../src/model/sysctl.ts";
import { parseUlimit } from "../../../src/model/ulimit.ts";

type Refused = readonly [parse: (text: string) => unknown, text: string, message: string];

describe("values that docker refuses, in its words", () => {
  it.each<Refused>([
    [parseUlimit, "foo", "invalid ulimit argument: foo"],
    [parseUlimit, "foo=1", "invalid ulimit type: foo"],
    [parseUlimit, "nofile=5:3", "ulimit soft limit must be less than or equal to hard limit: 5 > 3"],
    [parseUlimit, "nofile=-1:3", "soft: -1 (unlimited), hard: 3"],
    [parseUlimit, "nofile=a", 'strconv.ParseInt: parsing "a": invalid syntax'],
    [parseUlimit, "nofile=1:2:3", "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`"],
    [parseDevice, "", "bad format for path: "],
    [parseDevice, "/dev/null:rx", "rx is not an absolute path"],
    [parseDevice, "/dev/null:", " is not an absolute path"],
    [parseDevice, "/dev/null:/dev/x:z", "bad mode specified: z"],
    [parseDevice, "/dev/null:/dev/x:rr", "bad mode specified: rr"],
    [parseDeviceCgroupRule, "foo", "invalid device cgroup format 'foo'"],
    [parseWeightDevice, "/dev/x", "bad format: /dev/x"],
    [parseWeightDevice, "foo:5", "bad format for device path: foo:5"],
    [parseWeightDevice, "/dev/loop0:5", "invalid weight for device: /dev/loop0:5"],
    [parseBytesPerSecond, "/dev/loop0:foo", "invalid rate for device: /dev/loop0:foo. The correct format is"],
    [parseOperationsPerSecond, "/dev/loop0:-1", "Number must be a positive integer"],
    [parseRestartPolicy, "foo", "invalid restart policy: unknown policy 'foo'; use one of"],
    [parseRestartPolicy, ":3", "invalid restart policy format: no policy provided before colon"],
    [parseRestartPolicy, "on-failure:x", "invalid restart policy format: maximum retry count must be an integer"],
    [parseRestartPolicy, "always:3", "maximum retry count can only be used with 'on-failure'"],
    [parseRestartPolicy, "on-failure:-1", "maximum retry count cannot be negative"],
    [parseSysctl, "foo", "sysctl 'foo' is not allowed"],
    [parseSysctl, "kernel.foo=1", "sysctl 'kernel.foo=1' is not allowed"],
    [parseSysctl, "=x", "sysctl '=x' is not allowed"],
    [parseLabel, "=x", "invalid label '=x': empty name"],
    [parseExtraHost, "foo", 'bad format for add-host: "foo"'],
    [parseExtraHost, "=1.2.3.4", 'bad format for add-host: "=1.2.3.4"'],
    [parseExtraHost, "foo:bar", 'invalid IP address in add-host: "bar"'],
    [parseDnsServer, "foo", "IP address is not correctly formatted: foo"],
    [parseDnsSearch, "..", ".. is not a valid domain"],
    [parseDnsSearch, "foo_bar", "foo_bar is not a valid domain"],
    [parseDnsSearch, "-x", "-x is not a valid domain"],
    [parseCpus, "foo", "failed to parse foo as a rational number"],
    [parseCpus, "1/0", "failed to parse 1/0 as a rational number"],
    [parseCpus, "0.0000000001", "value is too precise"],
    [parseMacAddress, "foo", "foo is not a valid mac address"],
    [parseNetwork, "alias=foo", "network name/id is not specified"],
    [parseNetwork, "name=host,foo=bar", "invalid field key foo"],
    [parseNetwork, "name=x,gw-priority=foo", "invalid gw-priority (foo): invalid syntax"],
    [parseGpus, "foo=1", "unexpected key 'foo' in 'foo=1'"],
    [parseGpus, "count=x", 'invalid count (x): value must be either "all" or an integer: invalid syntax'],
    [parseGpus, "all,count=2", "gpu request key 'count' can be specified only once"],
    [parseContainerName, "a", "invalid container name (a), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"],
    [parseContainerName, "a/b", "invalid container name (a/b)"],
    [(text) => parseEnvironmentVariable(text, () => undefined), "=x", "invalid environment variable: =x"],
  ])("%o %j", (parse, text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});

type Read = readonly [parse: (text: string) => unknown, text: string, value: unknown];

describe("values that docker takes", () => {
  it.each<Read>([
    [parseUlimit, "nofile=100:200", { Name: "nofile", Soft: 100, Hard: 200 }],
    [parseUlimit, "memlock=-1", { Name: "memlock", Soft: -1, Hard: -1 }],
    [parseDevice, "/dev/a", { PathOnHost: "/dev/a", PathInContainer: "/dev/a", CgroupPermissions: "rwm" }],
    [parseDevice, "/dev/a:r", { PathOnHost: "/dev/a", PathInContainer: "/dev/a", CgroupPermissions: "r" }],
    [parseDevice, "/dev/a:/dev/b:rw", { PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "rw" }],
    [isCdiDevice, "vendor.com/class=dev", true],
    [isCdiDevice, "/dev/null", false],
    [parseDeviceCgroupRule, "c 42:* rmw", "c 42:* rmw"],
    [parseBytesPerSecond, "/dev/sda:1mb", { Path: "/dev/sda", Rate: 1048576 }],
    [parseRestartPolicy, "on-failure:3", { Name: "on-failure", MaximumRetryCount: 3 }],
    [parseRestartPolicy, "on-failure:", { Name: "on-failure", MaximumRetryCount: 0 }],
    [parseSysctl, "net.ipv4.ip_forward=1", "net.ipv4.ip_forward=1"],
    [parseExtraHost, "a=[::1]", "a:::1"],
    [parseExtraHost, "a:host-gateway", "a:host-gateway"],
    [parseDnsSearch, ".", "."],
    [parseDnsSearch, "a.example.", "a.example."],
    [parseCpus, "1.5", 1_500_000_000],
    [parseCpus, "1/2", 500_000_000],
    [parseCpus, "1e-3", 1_000_000],
    [parseCpus, "0.1", 100_000_000],
    [parseMacAddress, "02:42:ac:11:00:02", "02:42:ac:11:00:02"],
    [(text) => endpointSettings(parseNetwork(text)), "front", {}],
    [
      (text) => endpointSettings(parseNetwork(text)),
      "name=front,alias=a,alias=b,ip=10.0.0.9,driver-opt=k=v",
      { Aliases: ["a", "b"], IPAMConfig: { IPv4Address: "10.0.0.9" }, DriverOpts: { k: "v" } },
    ],
    [parseGpus, "all", { Driver: "", Count: -1, DeviceIDs: null, Capabilities: [["gpu"]], Options: {} }],
    [parseGpus, '"device=0,1"', { Driver: "", Count: 0, DeviceIDs: ["0", "1"], Capabilities: [["gpu"]], Options: {} }],
    [parseContainerName, "/web.1", "web.1"],
    [isIpv4, "10.0.0.1", true],
    [isIpv4, "10.0.0.01", false],
    [isIpv4, "10.0.0.256", false],
    [isIpv6, "::", true],
    [isIpv6, "fe80::1", true],
    [isIpv6, "::ffff:10.0.0.1", true],
    [isIpv6, "1:2:3:4:5:6:7:8", true],
    [isIpv6, "1:2:3:4:5:6:7", false],
    [isIpv6, "1::2::3", false],
    [isIpv6, "12345::", false],
    [isIpv6, "1:2:3:4:5:6:7:8::", false],
  ])("%o %j", (parse, text, value) => {
    expect(parse(text)).toEqual(value);
  });

  it("makes up names that are names", () => {
    for (let attempt = 0; attempt < 20; attempt++) {
      expect(randomContainerName()).toMatch(/^[a-z]+_[a-z]+$/);
      expect(parseContainerName(randomContainerName(1))).toMatch(/^[a-z]+_[a-z]+\d$/);
    }
  });
});

describe("files of keys and values", () => {
  const read = (content: string | Uint8Array) =>
    parseKeyValueFile({
      path: "file",
      kind: "env file",
      content: typeof content === "string" ? Buffer.from(content) : content,
      lookUp: (name) => (name === "HOME" ? "/root" : undefined),
    });

  it("reads lines as docker does", () => {
    const content = "\uFEFFA=1\r\n# comment\n  B=two words \n\nHOME\nNOT_SET\nC=\nD=a=b";
    expect(read(content)).toEqual(["A=1", "B=two words ", "HOME=/root", "C=", "D=a=b"]);
  });

  it.each([
    ["a b=c", "invalid env file (file): variable 'a b' contains whitespaces"],
    ["=x", "invalid env file (file): no variable name on line '=x'"],
    [Uint8Array.of(0x61, 0x3d, 0x0a, 0x62, 0x3d, 0xff), "invalid env file (file): invalid utf8 bytes at line 2"],
  ])("refuses %j", (content, message) => {
    expect(() => read(content)).toThrow(message);
  });

  it("takes a bare variable from the caller, or leaves it bare", () => {
    const lookUp = (name: string) => (name === "HOME" ? "/root" : undefined);
    expect(parseEnvironmentVariable("HOME", lookUp)).toBe("HOME=/root");
    expect(parseEnvironmentVariable("GONE", lookUp)).toBe("GONE");
    expect(keyValueMap(["a=1", "b", "a=2=3"])).toEqual({ a: "2=3", b: "" });
  });
});

describe("values that fuzzing found", () => {
  it.each(["1e400", "1e300", "99999999"])("%s CPUs are more than can be counted in billionths", (text) => {
    expect(() => parseCpus(text)).toThrow("as a rational number");
  });

  it.each(["é", "日", "\u00ff"])("the key %j is sent as more bytes than one", (key) => {
    expect(() => parseDetachKeys(key)).toThrow("Unknown character");
  });
});
