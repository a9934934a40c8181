// Writes V8's code for a bundle beside it: warm-up.cjs BUNDLE
// V8 compiles a function when it is first called. So the hot commands are run before the code is taken, against
// a containerd and a supervisor of this process that answer whatever they are asked with next to nothing.
const { mkdtempSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require("node:fs");
const http = require("node:http");
const http2 = require("node:http2");
const { tmpdir } = require("node:os");
const { basename, dirname, join } = require("node:path");
const { setTimeout: delay } = require("node:timers/promises");
const { Script } = require("node:vm");

/** Command lines whose start-up counts. The first is run alone, to learn where the supervisor is looked for. */
const HOT = [
  "--version",
  "version",
  "ps -a --no-trunc --filter name=web",
  "ps --format {{.Names}}",
  "images",
  "run -d --rm --name web -p 80:80 -e A=1 -v /a:/b --network none busybox true",
  "run --rm busybox true",
  "exec web true",
  "start web",
  "logs web",
  "inspect -f {{.State.Running}} web",
  "stop web",
  "kill web",
  "rm -f web",
];
/** How long a command may take that waits for more than it is answered. */
const PATIENCE_MS = 2_000;
const ID = "0".repeat(64);

const bundle = process.argv[2];
const script = new Script(readFileSync(bundle, "latin1"), { filename: bundle });

main().then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);

async function main() {
  if (basename(bundle).startsWith("wharf-")) await runHotCommands();
  const target = `${bundle}.${process.version}`;
  writeFileSync(`${target}.${process.pid}`, script.createCachedData());
  renameSync(`${target}.${process.pid}`, target);
}

async function runHotCommands() {
  const directory = mkdtempSync(join(tmpdir(), "wharf-build-"));
  const containerd = http2.createServer().on("stream", answerCall);
  const supervisor = http.createServer(answerRequest).on("upgrade", answerUpgrade);
  const write = [process.stdout.write, process.stderr.write];
  process.stdout.write = process.stderr.write = () => true;
  try {
    process.env.CONTAINERD_ADDRESS = join(directory, "containerd.sock");
    process.env.WHARF_RUN_ROOT = process.env.WHARF_DATA_ROOT = directory;
    await listen(containerd, process.env.CONTAINERD_ADDRESS);
    const [first, ...others] = HOT;
    const { resolveSettings } = await runCommand(first);
    await listen(supervisor, join(resolveSettings({}, process.env).runRoot, "docker.sock"));
    for (const line of others) await runCommand(line);
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
  stream.on("error", () => undefined).resume();
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(/Stream|Subscribe|Read$/.test(headers[":path"]) ? undefined : Buffer.alloc(5));
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
