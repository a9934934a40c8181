import { describe, expect, it } from "vitest";
import type { HostConfig } from "../../../src/model/container-config.ts";
import { checkMount } from "../../../src/model/mount-check.ts";
import { planMounts } from "../../../src/model/mount-plan.ts";
import { parseMount } from "../../../src/model/mount-spec.ts";
import { mergeTmpfsOptions } from "../../../src/model/tmpfs-options.ts";
import { parseBind, parseVolume } from "../../../src/model/volume-spec.ts";

const here = { cwd: "/here" };

describe("parseVolume", () => {
  it.each([
    ["/x", { kind: "anonymous", destination: "/x" }],
    ["/a:/x", { kind: "bind", bind: "/a:/x" }],
    ["data:/x:ro", { kind: "bind", bind: "data:/x:ro" }],
    ["./a:/x", { kind: "bind", bind: "/here/a:/x" }],
    ["../a:/x:z", { kind: "bind", bind: "/a:/x:z" }],
    [".:/x", { kind: "bind", bind: "/here:/x" }],
  ])("reads %s", (text, volume) => {
    expect(parseVolume(text, here)).toEqual(volume);
  });

  it.each([
    ["", "invalid empty volume spec"],
    [":/x", "invalid spec: :/x: empty section between colons"],
    ["/x:/y:/z:w", "invalid spec: /x:/y:/z:w: too many colons"],
  ])("refuses %j", (text, message) => {
    expect(() => parseVolume(text, here)).toThrow(message);
  });
});

describe("parseBind", () => {
  it("tells paths from names, and reads the mode", () => {
    expect(parseBind("/a/../b:/x/:ro,rslave,z")).toEqual({
      type: "bind",
      source: "/b",
      destination: "/x",
      mode: "ro,rslave,z",
      readOnly: true,
      propagation: "rslave",
      noCopy: false,
    });
    expect(parseBind("data:/x:nocopy")).toMatchObject({
      type: "volume",
      source: "data",
      noCopy: true,
      readOnly: false,
    });
  });

  it.each([
    ["/x:/y:foo", "invalid mode: foo"],
    ["/x:/y:ro,rw", "invalid mode: ro,rw"],
    ["v:/x:z,Z", "invalid mode: z,Z"],
    ["/x:ro", "invalid volume specification: '/x:ro'"],
    [
      "/x:y",
      "invalid volume specification: '/x:y': invalid mount config for type \"bind\": invalid mount path: 'y' mount path must be absolute",
    ],
    [
      "/tmp:/",
      "invalid volume specification: '/tmp:/': invalid mount config for type \"bind\": invalid specification: destination can't be '/'",
    ],
    [
      "/tmp:/x:nocopy",
      "invalid volume specification: '/tmp:/x:nocopy': invalid mount config for type \"bind\": field VolumeOptions must not be specified",
    ],
    [
      "vol:/x:shared",
      "invalid volume specification: 'vol:/x:shared': invalid mount config for type \"volume\": field BindOptions must not be specified",
    ],
  ])("refuses %s", (text, message) => {
    expect(() => parseBind(text)).toThrow(message);
  });
});

describe("parseMount", () => {
  it.each([
    ["type=bind,src=/a,dst=/x,ro", { Type: "bind", Source: "/a", Target: "/x", ReadOnly: true }],
    ["source=data,target=/x", { Type: "volume", Source: "data", Target: "/x" }],
    ["type=bind,src=./a,dst=/x,readonly=0", { Type: "bind", Source: "/here/a", Target: "/x", ReadOnly: false }],
    ["type=tmpfs,dst=/x,tmpfs-size=1m,tmpfs-mode=1777", { TmpfsOptions: { SizeBytes: 1048576, Mode: 0o1777 } }],
    ["type=bind,src=/a,dst=/x,bind-recursive=disabled", { BindOptions: { NonRecursive: true } }],
    [
      "src=v,dst=/x,volume-nocopy,volume-label=a=b,volume-opt=o=p,volume-driver=d",
      { VolumeOptions: { NoCopy: true, Labels: { a: "b" }, DriverConfig: { Name: "d", Options: { o: "p" } } } },
    ],
    ['type=bind,"src=/a,b",dst=/x', { Source: "/a,b" }],
  ])("reads %s", (text, mount) => {
    expect(parseMount(text, here)).toMatchObject(mount);
  });

  it.each([
    ["foo", "invalid field 'foo' must be a key=value pair"],
    ["type=bind", "target is required"],
    ["type=,dst=/x", "type is required"],
    ["dst=/x,foo=bar", "unexpected key 'foo' in 'foo=bar'"],
    ["dst=/x,ro=foo", "invalid value for ro: foo"],
    ["type=bind,dst=/x,volume-nocopy", "cannot mix 'volume-*' options with mount type 'bind'"],
    ["type=bind,dst=/x,tmpfs-size=5", "cannot mix 'tmpfs-*' options with mount type 'bind'"],
    ["dst=/x,bind-propagation=shared", "cannot mix 'bind-*' options with mount type 'volume'"],
    ["type=tmpfs,dst=/x,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"],
    ["type=tmpfs,dst=/x,tmpfs-size=foo", "invalid value for tmpfs-size: foo"],
    [
      "type=bind,dst=/x,bind-recursive=foo",
      'invalid value for bind-recursive: foo (must be "enabled", "disabled", "writable", or "readonly")',
    ],
    [
      "type=bind,dst=/x,bind-recursive=writable",
      "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction",
    ],
    [
      "type=bind,dst=/x,ro,bind-recursive=readonly",
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    ],
    ['dst=/x,"src=a', 'extraneous or missing " in quoted-field'],
    ['dst=/x,s"rc=a', 'parse error on line 1, column 9: bare " in non-quoted-field'],
  ])("refuses %s", (text, message) => {
    expect(() => parseMount(text, here)).toThrow(message);
  });
});

describe("checkMount", () => {
  it.each([
    [{ Type: "bind", Target: "/x" }, "field Source must not be empty"],
    [{ Type: "bind", Source: "a", Target: "/x" }, "invalid mount path: 'a' mount path must be absolute"],
    [{ Type: "bind", Source: "/a", Target: "x" }, "invalid mount path: 'x' mount path must be absolute"],
    [{ Type: "bind", Source: "/a", Target: "/y/.." }, "invalid specification: destination can't be '/'"],
    [{ Type: "tmpfs", Source: "a", Target: "/x" }, "field Source must not be specified"],
    [{ Type: "volume", Target: "/x", ReadOnly: true }, "must not set ReadOnly mode when using anonymous volumes"],
    [{ Type: "npipe", Target: "/x" }, "mount type unknown"],
    [
      { Type: "bind", Source: "/a", Target: "/x", BindOptions: { Propagation: "foo" } },
      "invalid propagation mode: foo",
    ],
    [
      { Type: "volume", Source: "v", Target: "/x", VolumeOptions: { Subpath: "../x" } },
      "subpath must be a relative path within the volume",
    ],
  ] as const)("refuses %j", (mount, reason) => {
    expect(() => checkMount(mount)).toThrow(`invalid mount config for type "${mount.Type}": ${reason}`);
  });
});

describe("planMounts", () => {
  const plan = (hostConfig: Partial<HostConfig>, volumes: string[] = []) =>
    planMounts({
      config: { Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) },
      hostConfig: { Binds: null, VolumeDriver: "", ...hostConfig },
    });

  it("lets what was asked for win over the image's volumes", () => {
    expect(
      plan({ Binds: ["/a:/data"] }, ["/data", "/other"]).map(({ type, destination }) => [type, destination]),
    ).toEqual([
      ["bind", "/data"],
      ["volume", "/other"],
    ]);
  });

  it("makes the missing source of -v, and not that of --mount", () => {
    const [bind, mount] = plan({ Binds: ["/a:/x"], Mounts: [{ Type: "bind", Source: "/b", Target: "/y" }] });
    expect([bind?.createSource, mount?.createSource]).toEqual([true, false]);
  });

  it.each([
    [{ Binds: ["/a:/x", "/b:/x/"] }, "duplicate mount point: /x"],
    [{ Binds: ["/a:/x"], Tmpfs: { "/x": "" } }, "duplicate mount point: /x"],
    [{ Tmpfs: { x: "" } }, "invalid mount path: 'x' mount path must be absolute"],
    [{ Tmpfs: { "/x": "foo" } }, 'invalid tmpfs option "foo"'],
  ])("refuses %j", (hostConfig, message) => {
    expect(() => plan(hostConfig)).toThrow(message);
  });
});

describe("mergeTmpfsOptions", () => {
  it("lets the later of two that exclude each other count", () => {
    expect(mergeTmpfsOptions(["noexec", "nosuid", "size=64m", "exec", "size=32m"])).toEqual([
      "nosuid",
      "exec",
      "size=32m",
    ]);
  });
});
