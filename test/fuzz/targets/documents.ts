import { decompress } from "../../../src/archive/decompress.ts";
import { readTar } from "../../../src/archive/read-tar.ts";
import { readArgv } from "../../../src/cli/argv.ts";
import { Template } from "../../../src/cli/template/template.ts";
import { UsageError } from "../../../src/cli/usage-error.ts";
import { endpointOf } from "../../../src/cni/cni-result.ts";
import { describeNetwork, parseConflist, subnetsOf } from "../../../src/cni/conflist.ts";
import { parseAnswer } from "../../../src/cni/plugin.ts";
import { digestAtPath } from "../../../src/engine/images/archive-format.ts";
import { parseDockerManifest } from "../../../src/engine/images/docker-manifest.ts";
import { createBodyShape, execConfigShape, execStartShape } from "../../../src/model/api-bodies.ts";
import { fillCreateBody } from "../../../src/model/create-body.ts";
import { Filters } from "../../../src/model/filters.ts";
import { parseImageConfig, platformOf } from "../../../src/model/image-config.ts";
import { parseShaped } from "../../../src/model/json-shape.ts";
import { parseIndex, parseManifest } from "../../../src/model/manifest.ts";
import { matchesPlatform } from "../../../src/model/platform.ts";
import { Reference } from "../../../src/model/reference.ts";
import { parseChallenges } from "../../../src/registry/challenge.ts";
import { dockerConfigCredentials } from "../../../src/registry/docker-config.ts";
import { fromFailedResponse, fromManifestFailure } from "../../../src/registry/errors.ts";
import { parseTokenAnswer } from "../../../src/registry/token-answer.ts";
import { mergeImageConfig } from "../../../src/spec/merge-image-config.ts";
import { parseSeccomp } from "../../../src/spec/seccomp.ts";
import { LogDecoder } from "../../../src/stdio/json-log-decoder.ts";
import { withHostEntries } from "../../../src/store/hosts-file.ts";
import { containerResolvConf } from "../../../src/store/resolv-conf.ts";
import { bytesTarget, expectThat, jsonTarget, type Target, textTarget } from "../target.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const DESCRIPTOR = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: DIGEST, size: 5 };
const LINUX = { os: "linux", architecture: "amd64" };
const IMAGE = {
  created: "2026-01-01T00:00:00Z",
  ...LINUX,
  variant: "v8",
  config: {
    User: "u",
    Env: ["A=b"],
    Cmd: ["sh"],
    Entrypoint: null,
    Volumes: { "/v": {} },
    Labels: { a: "b" },
    Healthcheck: { Test: ["CMD", "x"], Interval: 5 },
  },
  rootfs: { type: "layers", diff_ids: [DIGEST] },
  history: [{ created_by: "x", empty_layer: true }],
};
const CREATE_BODY = {
  Image: "busybox",
  Cmd: ["sh", "-c", "x"],
  Env: ["A=b"],
  ExposedPorts: { "80/tcp": {} },
  Volumes: { "/v": {} },
  Labels: { a: "b" },
  Healthcheck: { Test: ["NONE"] },
  HostConfig: {
    Binds: ["/a:/b"],
    Memory: 5,
    PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "80" }] },
    RestartPolicy: { Name: "always" },
    Mounts: [{ Type: "bind", Source: "/a", Target: "/c", BindOptions: { Propagation: "rslave" } }],
    Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
    Devices: [{ PathOnHost: "/dev/null" }],
    LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
  },
  NetworkingConfig: {
    EndpointsConfig: { bridge: { Aliases: ["x"], IPAMConfig: { IPv4Address: "10.0.0.1" } }, other: null },
  },
};
const EMPTY_RUN_CONFIG = fillCreateBody({ Image: "x" });
const URL_OF_REGISTRY = new URL("https://registry.test/v2/app/manifests/latest");
const NETWORK = { name: "n", id: "i", driver: "bridge", subnet: "", gateway: "", bridge: "" };

/** Documents that other programs, registries and clients write. */
export const DOCUMENT_TARGETS: readonly Target[] = [
  jsonTarget(
    "image index",
    [{ schemaVersion: 2, manifests: [{ ...DESCRIPTOR, platform: LINUX, annotations: { a: "b" } }] }],
    (text) => {
      for (const { size, platform } of parseIndex(Buffer.from(text)).manifests) {
        expectThat(Number.isSafeInteger(size) && size >= 0, "size");
        if (platform) matchesPlatform(LINUX, platform);
      }
    },
  ),
  jsonTarget("image manifest", [{ schemaVersion: 2, config: DESCRIPTOR, layers: [DESCRIPTOR, DESCRIPTOR] }], (text) => {
    const { config, layers } = parseManifest(Buffer.from(text));
    for (const { digest } of [config, ...layers])
      expectThat(digestAtPath(`blobs/${digest.replace(":", "/")}`) === digest, "digest");
  }),
  jsonTarget("image config", [IMAGE], (text) => {
    const image = parseImageConfig(Buffer.from(text));
    platformOf(image);
    mergeImageConfig(EMPTY_RUN_CONFIG, image.config);
  }),
  jsonTarget(
    "docker archive manifest",
    [[{ Config: "c.json", RepoTags: ["a:b"], Layers: ["l.tar"] }], [{ Config: "c", RepoTags: null, Layers: null }]],
    (text) => {
      for (const { RepoTags } of parseDockerManifest(Buffer.from(text)))
        for (const tag of RepoTags ?? []) Reference.parse(tag);
    },
  ),
  jsonTarget(
    "docker config.json",
    [
      {
        auths: { "r.test": { auth: "dTpw" }, "https://index.docker.io/v1/": { identitytoken: "x" } },
        credHelpers: { a: "b" },
      },
    ],
    (text) => {
      for (const key of ["r.test", "https://index.docker.io/v1/", "__proto__"]) {
        const found = dockerConfigCredentials(text, "config.json", key);
        expectThat(found === undefined || typeof found.type === "string", "credentials");
      }
    },
  ),
  jsonTarget("registry token", [{ token: "abc", expires_in: 300 }, { access_token: "x.y.z" }], (text) => {
    const { token, lifetimeS } = parseTokenAnswer(text, "auth.test");
    expectThat(/^[\x21-\x7e]+$/.test(token) && Number.isFinite(lifetimeS), "token");
  }),
  jsonTarget(
    "registry errors",
    [{ errors: [{ code: "MANIFEST_UNKNOWN", message: "m", detail: {} }] }, { details: "x" }],
    (body) => {
      const response = { status: 404, url: URL_OF_REGISTRY, body };
      for (const error of [
        fromFailedResponse(response),
        fromManifestFailure(Reference.parse("registry.test/app:latest"), response),
      ]) {
        expectThat(!/\p{Cc}/u.test(error.message) && error.message.length < 30_000, "message");
      }
    },
  ),
  textTarget(
    "WWW-Authenticate",
    {
      seeds: [
        'Bearer realm="https://a.test/t",service="s",scope="repository:x:pull"',
        'Basic realm="x", Bearer realm=y',
        "Negotiate",
      ],
      pieces: ['realm="', '\\"', "Basic ", "Bearer ", ", "],
    },
    (text) => {
      for (const { scheme, parameters } of parseChallenges(text)) {
        expectThat(scheme === scheme.toLowerCase() && scheme !== "", "scheme");
        for (const value of Object.values(parameters)) expectThat(typeof value === "string", "parameter");
      }
    },
  ),
  jsonTarget("API create body", [CREATE_BODY], (text) => {
    const body = fillCreateBody(parseShaped(text, createBodyShape, "body"));
    mergeImageConfig(body, IMAGE.config as Parameters<typeof mergeImageConfig>[1]);
    expectThat(typeof body.HostConfig.Memory === "number" && Array.isArray(body.HostConfig.Dns), "body");
    expectThat(Object.getPrototypeOf(body) === Object.prototype, "prototype");
  }),
  jsonTarget(
    "API exec bodies",
    [{ Cmd: ["sh"], Tty: true, ConsoleSize: [24, 80], Env: ["A=b"], User: "u" }, { Detach: true }],
    (text) => {
      parseShaped(text, execStartShape, "body");
      parseShaped(text, execConfigShape, "body");
    },
  ),
  jsonTarget("API filters", [{ status: ["exited"], label: { "a=b": true }, name: [] }], (text) => {
    const filters = Filters.fromJson(text);
    expectThat(Filters.fromJson(filters.toJson()).toJson() === filters.toJson(), "filters read otherwise");
  }),
  jsonTarget(
    "CNI conflist",
    [
      {
        cniVersion: "1.0.0",
        name: "net",
        plugins: [
          {
            type: "bridge",
            bridge: "cni0",
            ipam: { type: "host-local", ranges: [[{ subnet: "10.1.0.0/16", gateway: "10.1.0.1" }]] },
          },
        ],
      },
      { name: "old", type: "bridge", ipam: { subnet: "10.0.0.0/8" } },
    ],
    (text) => {
      const conflist = parseConflist(text, "/etc/cni/net.d/x.conflist");
      describeNetwork(conflist);
      subnetsOf(conflist);
      expectThat(!/[/\0]/.test(conflist.name) && !/^\.+$/.test(conflist.name), "name is a path");
      for (const { type } of conflist.plugins) expectThat(!/\//.test(type) && !/^\.+$/.test(type), "type is a path");
    },
  ),
  jsonTarget(
    "CNI result",
    [
      {
        ips: [{ address: "10.0.0.5/24", gateway: "10.0.0.1" }],
        interfaces: [{ name: "eth0", mac: "x", sandbox: "/s" }],
      },
      { ip4: { ip: "10.0.0.5/24" } },
    ],
    (text) => {
      endpointOf(NETWORK, parseAnswer(text), "eth0");
    },
  ),
  jsonTarget(
    "seccomp profile",
    [
      {
        defaultAction: "SCMP_ACT_ERRNO",
        architectures: ["SCMP_ARCH_X86_64"],
        syscalls: [
          {
            names: ["read"],
            action: "SCMP_ACT_ALLOW",
            args: [{ index: 0, value: 5, op: "SCMP_CMP_EQ" }],
            includes: { caps: ["CAP_SYS_ADMIN"], minKernel: "4.8", arches: ["amd64"] },
          },
        ],
      },
    ],
    (text) => {
      parseSeccomp(text, { host: { architecture: "amd64", kernelVersion: "6.1.0" }, capabilities: ["CAP_CHOWN"] });
    },
  ),
  textTarget(
    "Go template",
    {
      seeds: [
        "{{.Name}}",
        "{{range .List}}{{.}},{{end}}",
        '{{if eq .Name "x"}}a{{else}}b{{end}}',
        "{{json .}}",
        '{{index .Map "k"}}',
        "{{with $x := .List}}{{len $x}}{{end}}",
        '{{printf "%5.2f|%-10s|%x" .Num .Name .Num}}',
        "table {{.Name}}\t{{.Num}}",
        '{{join (split .Name ",") "-"}}',
        "{{/* c */}}{{- .Num -}}",
        '{{upper .Name | printf "%q"}}',
        '{{define "t"}}{{.}}{{end}}{{block "b" .List}}{{len .}}{{end}}{{template "t" .Name}}',
      ],
      pieces: [
        "{{",
        "}}",
        "{{range ",
        "{{end}}",
        "{{else}}",
        "{{if ",
        "| ",
        ".List",
        ".Map",
        "$x",
        ":=",
        '"%',
        "%999999999d",
        "%*d",
        "%[1]d",
        "printf",
        "json",
        "println",
        "index",
        "slice",
        "call",
        "and",
        "or",
        "not",
        "lt",
        '{{define "x"}}',
        '{{template "x"}}',
        '{{block "x" .}}',
        "pad",
        "truncate",
        "{{break}}",
        ".Self",
      ],
    },
    (text) => {
      const data: Record<string, unknown> = {
        Name: "some,name",
        Num: 5,
        List: ["a", 2, null],
        Map: { k: "v", n: { m: [1] } },
        Float: 1.5,
        Flag: true,
      };
      data.Self = [data.Map];
      const output = Template.parse(text).execute(data);
      expectThat(output.length < 2 ** 29, "output without end");
    },
  ),
  {
    name: "argv",
    generate: (random) => Array.from({ length: random.below(8) }, () => random.pick(WORDS)),
    run(argv: readonly string[]) {
      const flags = {
        env: { type: "option", char: "e", multiple: true },
        name: { type: "option" },
        tty: { type: "boolean", char: "t" },
        interactive: { type: "boolean", char: "i" },
        "sig-proxy": { type: "boolean", allowNo: true },
      } as const;
      for (const stopAtPositional of [true, false]) {
        const { positionals } = readArgv(argv, { flags, stopAtPositional });
        expectThat(
          positionals.every((word) => argv.includes(word)),
          "a positional that nobody wrote",
        );
      }
    },
    allows: (error) => error instanceof UsageError,
  },
  bytesTarget(
    "JSON log",
    {
      seeds: [
        Buffer.from(
          '{"log":"a\\n","stream":"stdout","time":"2026-01-02T03:04:05.1Z"}\n{"log":"b\\u003c","stream":"stderr","time":"2026-01-02T03:04:06Z"}\n',
        ),
        Buffer.from('{"stream":"stdout","log":"x","time":5}\nnull\n"\n'),
      ],
    },
    (bytes) => {
      for (const view of LOG_VIEWS) {
        const { runs, rest } = new LogDecoder(view).decode(bytes, 0);
        expectThat(rest >= 0 && rest <= bytes.length, "rest");
        for (const { data } of runs) expectThat(data.length <= 8 * bytes.length + 64, "more output than input");
      }
    },
  ),
  bytesTarget("tar", { seeds: tarSeeds() }, async (bytes) => {
    for await (const { name, target = "", sizeBytes, content } of readTar([
      bytes,
    ] as unknown as AsyncIterable<Buffer>)) {
      for (const path of [name, target])
        expectThat(!path.startsWith("/") && !path.split("/").includes(".."), `path ${path}`);
      expectThat(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, "size");
      for await (const _ of content);
    }
  }),
  bytesTarget(
    "compressed data",
    {
      seeds: [
        Buffer.from("1f8b0800000000000003cb48cdc9c957c840a200", "hex"),
        Buffer.from("28b52ffd20052900006865 6c6c6f".replaceAll(" ", ""), "hex"),
        Buffer.from("plain text"),
      ],
    },
    async (bytes) => {
      for await (const _ of decompress(streamOf(bytes)));
    },
  ),
  textTarget(
    "resolv.conf",
    {
      seeds: [
        "nameserver 8.8.8.8\nsearch a b\noptions ndots:5\n",
        "domain x\n# c\nnameserver 127.0.0.53\nsortlist 1\n",
      ],
      pieces: ["nameserver ", "search ", "options "],
    },
    (text) => {
      for (const ownNetwork of [true, false]) {
        const made = containerResolvConf(text, { servers: [], search: [], options: [] }, { ownNetwork });
        const again = containerResolvConf(made, { servers: [], search: [], options: [] }, { ownNetwork });
        expectThat(again === made, "resolv.conf changes when it is made of itself");
      }
    },
  ),
  textTarget(
    "hosts file",
    {
      seeds: ["127.0.0.1 localhost\n", withHostEntries("1.2.3.4 own\n", [{ address: "10.0.0.1", names: ["a"] }])],
      pieces: ["# Written by wharf; lines outside of this block stay.\n", "# End of wharf's block.\n"],
    },
    (text) => {
      const entries = [{ address: "10.0.0.2", names: ["b", "c"] }];
      const once = withHostEntries(text, entries);
      expectThat(withHostEntries(once, entries) === once, "hosts file changes when it is written twice");
    },
  ),
];

const LOG_VIEWS = [
  { stdout: true, stderr: true, timestamps: false, details: false },
  {
    stdout: true,
    stderr: false,
    timestamps: true,
    details: true,
    since: "2026-01-02T03:04:05.100000000Z",
    until: "2026-01-02T03:04:06.000000000Z",
  },
];

const WORDS = [
  "run",
  "-it",
  "-e",
  "A=1",
  "--env=B=2",
  "--env",
  "--name",
  "--name=x",
  "--",
  "-",
  "-tfalse",
  "--tty=false",
  "--sig-proxy=maybe",
  "--no-sig-proxy",
  "--no",
  "-h",
  "--help",
  "image",
  "",
  "\0",
  "--=",
  "-=x",
  "--env-file",
  "--nam",
  "-et",
  "-te",
  "--__proto__",
  "--constructor=x",
  "ä",
];

async function* streamOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

function tarSeeds(): Buffer[] {
  const header = (name: string, type: string, size: number, link = "") => {
    const block = Buffer.alloc(512);
    block.write(name, 0);
    block.write("0000644\0", 100);
    block.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
    block.write("00000000000\0        ", 136);
    block.write(type, 156);
    block.write(link, 157);
    block.write("ustar\x0000", 257);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return block;
  };
  const content = Buffer.alloc(512, "x");
  const end = Buffer.alloc(1024);
  const pax = Buffer.alloc(512);
  pax.write("30 path=../../../../etc/shadow\n13 size=9999\n");
  return [
    Buffer.concat([header("a.json", "0", 5), content, header("link", "2", 0, "../x"), end]),
    Buffer.concat([header("pax", "x", 44), pax, header("b", "0", 10), content, end]),
    Buffer.concat([
      header("./x/../y", "5", 0),
      header("long", "L", 100),
      content,
      header("c", "1", 0, "/etc/passwd"),
      end,
    ]),
  ];
}
