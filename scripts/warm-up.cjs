// Writes V8's code for a bundle, as the commands of the given name need it, beside the bundle: warm-up.cjs BUNDLE [NAME]
// V8 compiles a function when it is first called. So the command is run before the code is taken, against a containerd
// and a supervisor of this process that answer whatever they are asked with next to nothing. Code for what a command
// does not need would only have to be read at its start: hence one file for each of the hot commands.
const { mkdtempSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require("node:fs");
const { createHash } = require("node:crypto");
const http = require("node:http");
const http2 = require("node:http2");
const { tmpdir } = require("node:os");
const { basename, dirname, join } = require("node:path");
const { setTimeout: delay } = require("node:timers/promises");
const { Script } = require("node:vm");

/** What is run for each name; without one, what all commands have in common. */
const COMMAND_LINES = {
  "": ["stop web"],
  create: ["create --name web -p 80:80 -e A=1 -v /a:/b busybox true"],
  exec: ["exec web true", "exec -it web sh"],
  images: ["images", "images --format {{.ID}}"],
  inspect: ["inspect web", "inspect -f {{.State.Running}} web"],
  kill: ["kill web"],
  logs: ["logs web", "logs -f web"],
  ps: ["ps -a --no-trunc --filter name=web", "ps --format {{.Names}}"],
  pull: ["pull -q REGISTRY/image:1", "pull REGISTRY/image:2"],
  rm: ["rm -f web"],
  run: ["run -d --rm --name web -p 80:80 -e A=1 -v /a:/b --network none busybox true", "run --rm -it busybox true"],
  start: ["start web"],
  stop: ["stop -t 1 web"],
  version: ["version"],
};
/** How long a command may take that waits for more than it is answered. */
const PATIENCE_MS = 2_000;
const ID = "0".repeat(64);

const [, , bundle, name = ""] = process.argv;
const script = new Script(readFileSync(bundle, "latin1"), { filename: bundle });

main().then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);

async function main() {
  if (basename(bundle).startsWith("wharf-")) await runCommands();
  const target = `${bundle}.${process.version}${name === "" ? "" : `.${name}`}`;
  writeFileSync(`${target}.${process.pid}`, script.createCachedData());
  renameSync(`${target}.${process.pid}`, target);
}

async function runCommands() {
  const directory = mkdtempSync(join(tmpdir(), "wharf-build-"));
  const containerd = http2.createServer().on("stream", answerCall);
  const supervisor = http.createServer(answerRequest).on("upgrade", answerUpgrade);
  const registry = http.createServer(answerPull);
  const write = [process.stdout.write, process.stderr.write];
  process.stdout.write = process.stderr.write = () => true;
  try {
    process.env.CONTAINERD_ADDRESS = join(directory, "containerd.sock");
    process.env.WHARF_RUN_ROOT = process.env.WHARF_DATA_ROOT = directory;
    await listen(containerd, process.env.CONTAINERD_ADDRESS);
    // Which also tells where the supervisor is looked for.
    const { resolveSettings } = await runCommand("--version");
    await listen(supervisor, join(resolveSettings({}, process.env).runRoot, "docker.sock"));
    await new Promise((resolve) => registry.listen(0, "127.0.0.1", resolve));
    const { port } = registry.address();
    for (const line of COMMAND_LINES[name]) await runCommand(line.replace("REGISTRY", `127.0.0.1:${port}`));
  } finally {
    [process.stdout.write, process.stderr.write] = write;
    process.exitCode = 0;
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runCommand(line) {
  process.argv = [process.execPath, bundle, ...line.split(" ")];
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, bundle, dirname(bundle), `file://${bundle}`);
  await Promise.race([module.exports.ended, delay(PATIENCE_MS)]);
  return module.exports;
}

async function listen(server, path) {
  mkdirSync(dirname(path), { recursive: true });
  await new Promise((resolve, reject) => server.once("error", reject).listen(path, resolve));
}

/** An empty message; of a stream none at all. */
function answerCall(stream, headers) {
  stream.on("error", () => undefined);
  if (/v1\.Content\/(Read|Write)$/.test(headers[":path"])) return answerContentCall(stream, headers[":path"]);
  stream.resume();
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(/Stream|Subscribe|Read$/.test(headers[":path"]) ? undefined : Buffer.alloc(5));
}

/** A content store that takes whatever is written, and has the config of the image alone. */
function answerContentCall(stream, path) {
  const config = image().config;
  let failure;
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": failure ?? "0" }));
  stream.on("end", () => stream.end());
  let received = Buffer.alloc(0);
  stream.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 5 && received.length >= 5 + received.readUInt32BE(1)) {
      const message = received.subarray(5, 5 + received.readUInt32BE(1));
      received = received.subarray(5 + message.length);
      if (path.endsWith("/Write")) stream.write(Buffer.alloc(5));
      else if (message.includes(config.digest)) stream.write(dataMessage(config.bytes));
      else failure = "5";
    }
  });
}

/** A `ReadContentResponse`, whose second field is the data. */
function dataMessage(bytes) {
  const head = Buffer.from([0, 0, 0, 0, 0, 0x12, (bytes.length & 0x7f) | 0x80, bytes.length >> 7]);
  head.writeUInt32BE(bytes.length + 3, 1);
  return Buffer.concat([head, bytes]);
}

/** A registry that has an image of one layer under every tag. */
function answerPull({ method, url }, response) {
  const { manifest, config, layer } = image();
  const blob = [config, layer].find(({ digest }) => url.endsWith(digest)) ?? manifest;
  response.setHeader("content-type", blob === manifest ? MANIFEST_TYPE : "application/octet-stream");
  response.setHeader("docker-content-digest", blob.digest);
  response.setHeader("content-length", blob.bytes.length);
  response.end(method === "HEAD" ? undefined : blob.bytes);
}

const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

function image() {
  const layer = withDigest(Buffer.alloc(2_000_000));
  const rootfs = { type: "layers", diff_ids: [layer.digest] };
  const config = withDigest(JSON.stringify({ os: "linux", architecture: "amd64", config: {}, rootfs }));
  const descriptor = ({ bytes, digest }, kind) => {
    return { mediaType: `application/vnd.oci.image.${kind}`, digest, size: bytes.length };
  };
  const parts = { config: descriptor(config, "config.v1+json"), layers: [descriptor(layer, "layer.v1.tar")] };
  const manifest = withDigest(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, ...parts }));
  return { manifest, config, layer };
}

function withDigest(content) {
  const bytes = Buffer.from(content);
  return { bytes, digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}` };
}

function answerRequest(request, response) {
  request.resume();
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ Id: ID, ID, Warnings: [], StatusCode: 0, ExitCode: 0, Config: {}, State: {} }));
}

function answerUpgrade(_request, socket) {
  socket.on("error", () => undefined);
  socket.end("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
}
