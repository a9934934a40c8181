import type { Scenario, Step } from "./step.ts";

const IMAGE = "busybox";

/** A step from its command line, split at blanks; words with blanks go in as an array. */
function step(words: string | readonly string[], rest: Omit<Step, "argv"> = {}): Step {
  return { argv: typeof words === "string" ? words.split(" ") : words, ...rest };
}

function fails(words: string | readonly string[], stderr: RegExp, rest: Omit<Step, "argv" | "stderr"> = {}): Step {
  return step(words, { ...rest, stderr });
}

/** A container that stays, by name. */
function running(name: string, options = ""): Step {
  const words = `run -d --name ${name} ${options} ${IMAGE} sleep 1000`;
  return step(words.replace(/ +/g, " "));
}

const run: readonly Scenario[] = [
  {
    name: "refuses a device that is not there",
    steps: [fails(`run --rm --device /dev/nonexistent ${IMAGE} true`, /error gathering device information/)],
  },
  { name: "prints what the command prints", steps: [step(`run --rm ${IMAGE} echo hello`)] },
  {
    name: "keeps stdout and stderr apart",
    steps: [step(["run", "--rm", IMAGE, "sh", "-c", "echo out; echo err >&2"], { stderr: /^err\n$/ })],
  },
  { name: "leaves with the command's exit code", steps: [step(["run", "--rm", IMAGE, "sh", "-c", "exit 42"])] },
  { name: "leaves with 128 + n after a signal", steps: [step(["run", "--rm", IMAGE, "sh", "-c", "kill -9 $$"])] },
  {
    name: "leaves with 127 without such a command",
    steps: [fails(`run --rm ${IMAGE} no-such-command`, /no-such-command.*not found/)],
  },
  {
    name: "leaves with 126 when it cannot be executed",
    steps: [fails(`run --rm ${IMAGE} /etc/passwd`, /\/etc\/passwd.*permission denied/)],
  },
  {
    name: "leaves with 125 for an unknown flag",
    steps: [fails(`run --no-such-flag ${IMAGE}`, /unknown flag: --no-such-flag/)],
  },
  {
    name: "leaves with 125 for a flag without its value",
    steps: [fails("run --name", /flag needs an argument: --name/)],
  },
  { name: "wants an image", steps: [fails("run", /requires at least 1 argument/)] },
  { name: "passes flags behind the image on", steps: [step(`run --rm ${IMAGE} echo -n --name x`)] },
  { name: "reads stdin with -i", steps: [step(`run --rm -i ${IMAGE} cat`, { stdin: "one\ntwo\n" })] },
  { name: "gives no stdin without -i", steps: [step(`run --rm ${IMAGE} cat`, { stdin: "one\ntwo\n" })] },
  {
    name: "sets the environment",
    steps: [
      step(["run", "--rm", "-e", "A=1", "-e", "B=two words", IMAGE, "sh", "-c", "env | grep -v HOSTNAME | sort"]),
    ],
  },
  { name: "sets the working directory, and makes it", steps: [step(`run --rm -w /made/here ${IMAGE} pwd`)] },
  {
    name: "sets the user by name and by number",
    steps: [step(`run --rm -u nobody ${IMAGE} id`), step(`run --rm -u 12:34 ${IMAGE} id`)],
  },
  {
    name: "does not know a user that the image does not",
    steps: [fails(`run --rm -u ghost ${IMAGE} id`, /unable to find user ghost/)],
  },
  { name: "sets the host name", steps: [step(`run --rm --hostname pier ${IMAGE} hostname`)] },
  {
    name: "takes the host's name with the host's namespaces",
    steps: ["--uts host", "--network host", "--network host --uts host"].map((options) =>
      step([...`run --rm ${options} ${IMAGE} sh -c`.split(" "), "echo $HOSTNAME; hostname; cat /etc/hostname"]),
    ),
  },
  { name: "sets the entrypoint", steps: [step(`run --rm --entrypoint echo ${IMAGE} instead`)] },
  {
    name: "keeps the root read-only",
    steps: [fails(`run --rm --read-only ${IMAGE} touch /x`, /Read-only file system/)],
  },
  {
    name: "adds hosts",
    steps: [step(["run", "--rm", "--add-host", "db:10.1.2.3", IMAGE, "grep", "10.1.2.3", "/etc/hosts"])],
  },
  {
    name: "sets name servers",
    steps: [
      step([
        "run",
        "--rm",
        "--dns",
        "10.9.8.7",
        "--dns-search",
        "example.org",
        IMAGE,
        "grep",
        "-E",
        "^(nameserver|search)",
        "/etc/resolv.conf",
      ]),
    ],
  },
  {
    name: "mounts a tmpfs",
    steps: [
      step(["run", "--rm", "--tmpfs", "/t:size=1m", IMAGE, "sh", "-c", "grep ' /t ' /proc/mounts | cut -d' ' -f1-3"]),
    ],
  },
  {
    name: "has an init process",
    steps: [
      step(["run", "--rm", "--init", IMAGE, "sh", "-c", "ps -o pid,comm | head -2 | tail -1"], { stdout: "ignored" }),
    ],
  },
  {
    name: "knows the capabilities",
    steps: [
      step(["run", "--rm", IMAGE, "grep", "^Cap", "/proc/self/status"]),
      step(["run", "--rm", "--cap-drop", "ALL", "--cap-add", "CHOWN", IMAGE, "grep", "^Cap", "/proc/self/status"]),
    ],
  },
  {
    name: "sets limits",
    steps: [step(["run", "--rm", "--ulimit", "nofile=64:128", IMAGE, "sh", "-c", "ulimit -n; ulimit -Hn"])],
  },
  {
    name: "sets kernel parameters",
    steps: [
      step([
        "run",
        "--rm",
        "--sysctl",
        "net.ipv4.ip_unprivileged_port_start=80",
        IMAGE,
        "cat",
        "/proc/sys/net/ipv4/ip_unprivileged_port_start",
      ]),
    ],
  },
  {
    name: "has no network with none",
    steps: [step(["run", "--rm", "--network", "none", IMAGE, "ls", "/sys/class/net"])],
  },
  {
    name: "refuses a name in use",
    steps: [running("taken"), fails(`run --name taken ${IMAGE} true`, /name "\/?taken" is already in use/)],
  },
  { name: "refuses a malformed name", steps: [fails(`run --name a*b ${IMAGE} true`, /invalid container name/i)] },
  { name: "refuses a malformed reference", steps: [fails("run UPPER:::x true", /invalid reference format/)] },
  {
    name: "refuses malformed ports",
    steps: ["notaport", "1:2:3:4", "70000:80", "80/xxx", "8000-8010:80-81"].map((port) =>
      fails(`run -p ${port} ${IMAGE} true`, /invalid|bad format/i),
    ),
  },
  {
    name: "refuses malformed volumes",
    steps: [
      fails(`run -v relative/path:/x ${IMAGE} true`, /includes invalid characters|invalid volume/i),
      fails(`run -v /a:relative ${IMAGE} true`, /invalid mount path|absolute/i),
    ],
  },
  {
    name: "refuses malformed mounts",
    steps: [
      fails(`run --mount type=bind ${IMAGE} true`, /target|field/i),
      fails(`run --mount nonsense ${IMAGE} true`, /invalid/i),
    ],
  },
  {
    name: "refuses a mount without its source",
    steps: [
      fails(
        ["run", "--mount", "type=bind,source=/no/such/path,target=/x", IMAGE, "true"],
        /bind source path does not exist/i,
      ),
    ],
  },
  {
    name: "refuses malformed sizes",
    steps: [
      fails(`run -m 12parsecs ${IMAGE} true`, /invalid (argument|size)/i),
      fails(`run -m 1m ${IMAGE} true`, /minimum memory limit/i),
    ],
  },
  {
    name: "refuses a malformed environment file",
    steps: [fails(`run --env-file /no/such/file ${IMAGE} true`, /no such file/)],
  },
  { name: "refuses -d with -a", steps: [fails(`run -d -a stdout ${IMAGE} true`, /conflicting options/i)] },
  {
    name: "refuses --rm with a restart policy",
    steps: [fails(`run --rm --restart always ${IMAGE} true`, /conflicting options/i)],
  },
  {
    name: "refuses an unknown restart policy",
    steps: [fails(`run --restart sometimes ${IMAGE} true`, /invalid restart policy/i)],
  },
  {
    name: "refuses a network that is not there",
    steps: [fails(`run --network nowhere ${IMAGE} true`, /network nowhere not found/)],
  },
  { name: "refuses an unknown capability", steps: [fails(`run --cap-add NONSENSE ${IMAGE} true`, /NONSENSE/)] },
  {
    name: "never pulls with --pull never",
    steps: [fails("run --pull never no-such-image", /no such image: no-such-image/i)],
  },
];

const terminal: readonly Scenario[] = [
  {
    name: "gives the command a terminal",
    steps: [
      step(["run", "--rm", "-t", IMAGE, "sh", "-c", "test -t 0 && test -t 1 && echo terminal; stty size"], {
        terminal: true,
      }),
    ],
  },
  {
    name: "talks to a shell",
    steps: [
      step(["run", "--rm", "-it", IMAGE, "sh", "-c", "printf 'name? '; read word; echo got $word; exit 7"], {
        terminal: true,
        answers: [{ prompt: "name? ", text: "anchor\n" }],
      }),
    ],
  },
  { name: "refuses -t without a terminal", steps: [fails(`run --rm -it ${IMAGE} true`, /input device is not a TTY/)] },
  {
    name: "gives an exec a terminal",
    steps: [
      running("shell"),
      step(["exec", "-it", "shell", "sh", "-c", "test -t 0 && echo terminal; exit 5"], { terminal: true }),
    ],
  },
  { name: "draws the table of containers", steps: [running("drawn"), step("ps", { terminal: true })] },
  { name: "ends the lines of a terminal with CR LF", steps: [step(["run", "--rm", "-t", IMAGE, "echo", "x"])] },
];

const lists: readonly Scenario[] = [
  {
    name: "has docker's columns",
    steps: [step("ps"), step("ps -a"), step("images"), step("ps -s"), step("images --digests")],
  },
  {
    name: "shows containers in tables",
    steps: [
      running("first"),
      step(`create --name second ${IMAGE} true`),
      step("ps"),
      step("ps -a"),
      step("ps -a --no-trunc"),
      step("ps -aq"),
      step("ps -n 1"),
      step("ps -l"),
      step("container ls"),
    ],
  },
  {
    name: "shows containers by template",
    steps: [
      running("web", "-l tier=front -l zone=a -p 127.0.0.1:18080:80"),
      ...[
        "{{.Names}}",
        "{{.ID}}",
        "{{.Image}} {{.Command}} {{.State}}",
        "{{json .Names}}",
        '{{.Label "tier"}}',
        "{{.Labels}}",
        "{{.Ports}}",
        "{{.Mounts}}|{{.Networks}}|{{.LocalVolumes}}",
        "table {{.Names}}\t{{.Image}}",
        'table {{.Names}}\t{{.Label "zone"}}',
        '{{upper .Names}} {{title .State}} {{len .Names}} {{printf "%5s|" .Names}} {{truncate .Names 2}} {{pad .Names 1 1}}',
        '{{if eq .State "running"}}up{{else}}down{{end}}',
        '{{range $i, $e := split .Image "b"}}{{$i}}={{$e}} {{end}}',
        "{{println .Names}}",
        "{{with .Names}}{{.}}{{end}}",
      ].map((format) => step(["ps", "--format", format])),
      step(["ps", "--format", "json"], { stdout: "json" }),
      step(["ps", "--format", "{{json .}}"], { stdout: "json" }),
      fails(["ps", "--format", "{{.NoSuchField}}"], /can't evaluate field NoSuchField|NoSuchField/),
      fails(["ps", "--format", "{{nosuchfunction}}"], /function "nosuchfunction" not defined/),
      fails(["ps", "--format", "{{"], /template parsing error|unclosed action/i),
    ],
  },
  {
    name: "filters containers",
    steps: [
      running("alpha", "-l color=red"),
      running("beta", "-l color=blue"),
      step(`run --name gamma ${IMAGE} false`),
      ...[
        "name=alp",
        "name=^/beta$",
        "label=color",
        "label=color=red",
        "status=exited",
        "status=running",
        "exited=1",
        "ancestor=busybox",
        "ancestor=busybox:latest",
        "before=beta",
        "since=alpha",
        "network=bridge",
        "publish=80",
        "is-task=false",
        "health=none",
        "volume=/nothing",
      ].map((filter) => step(["ps", "-a", "--filter", filter, "--format", "{{.Names}}"])),
      fails(["ps", "--filter", "nonsense=1"], /invalid filter/),
      fails(["ps", "--filter", "status=nonsense"], /invalid/i),
      fails(["ps", "--filter", "broken"], /invalid argument "broken"|bad format of filter/i),
    ],
  },
  {
    name: "shows images by template",
    steps: [
      ...["{{.Repository}}:{{.Tag}}", "{{.ID}}", "{{.Repository}} {{.Digest}}", "table {{.Repository}}\t{{.Tag}}"].map(
        (format) => step(["images", "--format", format]),
      ),
      step("images -q"),
      step("images --no-trunc"),
      step("images busybox"),
      step("images no-such-image"),
      step(["images", "--format", "json"], { stdout: "json" }),
      step(["images", "--filter", "reference=busy*", "--format", "{{.Repository}}"]),
      step(["images", "--filter", "dangling=true", "-q"]),
      fails(["images", "--filter", "nonsense=1"], /invalid filter/),
    ],
  },
];

const lifecycle: readonly Scenario[] = [
  {
    name: "creates, starts, stops, starts again, removes",
    steps: [
      step(`create --name boat ${IMAGE} sleep 1000`),
      step(["inspect", "--format", "{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}", "boat"]),
      step("start boat"),
      step(["inspect", "--format", "{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}", "boat"]),
      step("stop -t 0 boat"),
      step([
        "inspect",
        "--format",
        "{{.State.Status}} {{.State.Running}} {{.State.ExitCode}} {{.State.OOMKilled}}",
        "boat",
      ]),
      step("stop boat"),
      step("start boat"),
      step("restart -t 0 boat"),
      fails("rm boat", /is running|cannot remove/i),
      step("rm -f boat"),
      fails("rm boat", /no such container: boat/i),
      step("rm -f boat", { stderr: null }),
    ],
  },
  {
    name: "kills with the signal asked for",
    steps: [
      step(["run", "-d", "--name", "trap", IMAGE, "sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.1; done"]),
      step("kill -s USR1 trap"),
      step("wait trap"),
      step(["inspect", "--format", "{{.State.ExitCode}}", "trap"]),
      fails("kill trap", /is not running/),
      fails("kill -s NONSENSE trap", /invalid signal/i),
    ],
  },
  {
    name: "goes on after one that fails",
    steps: [
      running("one"),
      running("two"),
      fails("stop -t 0 one ghost two", /no such container: ghost/i),
      fails("start one ghost two", /no such container: ghost/i),
      fails("kill one ghost two", /no such container: ghost/i),
      fails("rm ghost one two", /no such container: ghost/i),
    ],
  },
  {
    name: "waits for the end",
    steps: [
      step(["run", "-d", "--name", "short", IMAGE, "sh", "-c", "sleep 0.3; exit 6"]),
      step("wait short"),
      step("wait short"),
      fails("wait ghost", /no such container: ghost/i),
    ],
  },
  {
    name: "renames",
    steps: [
      running("before"),
      running("other"),
      step("rename before after"),
      step(["ps", "--format", "{{.Names}}"]),
      fails("rename after other", /already in use/),
      fails("rename ghost x", /no such container: ghost/i),
      fails("rename after a*b", /invalid container name/i),
    ],
  },
  {
    name: "pauses and unpauses",
    steps: [
      running("still"),
      step("pause still"),
      step(["ps", "--filter", "status=paused", "--format", "{{.Names}} {{.State}}"]),
      step(["inspect", "--format", "{{.State.Status}} {{.State.Paused}}", "still"]),
      fails("pause still", /already paused/),
      fails("exec still true", /is paused/),
      step("unpause still"),
      fails("unpause still", /not paused/),
      fails("pause ghost", /no such container: ghost/i),
    ],
  },
  {
    name: "shows processes",
    steps: [
      running("busy"),
      step("top busy -o pid,comm", { stdout: "ignored" }),
      fails("top busy -o comm", /couldn't find PID field/i),
      fails("top ghost", /no such container: ghost/i),
      step("stop -t 0 busy"),
      fails("top busy", /is not running/),
    ],
  },
  {
    name: "shows ports",
    steps: [
      running("served", "-p 127.0.0.1:18081:80 -p 0.0.0.0:18082:81/udp"),
      step("port served"),
      step("port served 80"),
      step("port served 81/udp"),
      fails("port served 99", /no public port '99/i),
      fails("port ghost", /no such container: ghost/i),
      step(["ps", "--format", "{{.Ports}}"]),
      fails(`run -d -p 127.0.0.1:18081:80 ${IMAGE} true`, /port is already allocated/, { stdout: "ignored" }),
    ],
  },
  {
    name: "shows logs",
    steps: [
      step(["run", "--name", "talk", IMAGE, "sh", "-c", "echo one; echo two >&2; printf three"], { stderr: /two/ }),
      step("logs talk", { stderr: /^two\n$/ }),
      step("logs -n 1 talk"),
      step("logs --tail 0 talk"),
      step("logs --since 1h talk", { stderr: /^two\n$/ }),
      step("logs --until 1h talk"),
      fails("logs --since nonsense talk", /nonsense/),
      fails("logs ghost", /no such container: ghost/i),
      step("logs --tail abc talk", { stderr: /^two\n$/ }),
    ],
  },
  {
    name: "keeps no log with the driver none",
    steps: [step(`run --name mute --log-driver none ${IMAGE} echo x`), fails("logs mute", /does not support reading/)],
  },
  {
    name: "runs a second process",
    steps: [
      running("host"),
      step("exec host echo inside"),
      step(["exec", "host", "sh", "-c", "exit 33"]),
      step("exec -i host cat", { stdin: "through\n" }),
      step(["exec", "-e", "A=1", "-w", "/tmp", "host", "sh", "-c", "pwd; echo $A"]),
      step("exec -u nobody host id -un"),
      step("exec host no-such-command", { stdout: "ignored", stderr: null }),
      step("exec host /etc/passwd", { stdout: "ignored", stderr: null }),
      fails("exec ghost true", /no such container: ghost/i),
      step("stop -t 0 host"),
      fails("exec host true", /is not running/),
      fails("exec host", /requires at least 2 arguments/),
    ],
  },
  {
    name: "starts attached",
    steps: [
      step(["create", "--name", "again", IMAGE, "sh", "-c", "echo started; exit 4"]),
      step("start -a again"),
      step("start -a again"),
      fails("attach again", /cannot attach to a stopped container/i),
    ],
  },
];

const inspection: readonly Scenario[] = [
  {
    name: "inspects a created container",
    steps: [step(`create --name thing ${IMAGE} true`), step("inspect thing", { stdout: "json" })],
  },
  {
    name: "inspects a running container with everything",
    steps: [
      step([
        "run",
        "-d",
        "--name",
        "rich",
        "-e",
        "A=1",
        "-l",
        "k=v",
        "-p",
        "127.0.0.1:18083:80",
        "-v",
        "stock:/stock",
        "-v",
        "/tmp:/host:ro",
        "--mount",
        "type=tmpfs,target=/t,tmpfs-size=1m",
        "--tmpfs",
        "/u:size=1m",
        "--cap-add",
        "SYS_TIME",
        "--cap-drop",
        "CHOWN",
        "-m",
        "64m",
        "--cpus",
        "0.5",
        "--pids-limit",
        "100",
        "--ulimit",
        "nofile=64:128",
        "--restart",
        "on-failure:3",
        "--dns",
        "10.9.8.7",
        "--add-host",
        "db:10.1.2.3",
        "--stop-signal",
        "INT",
        "--stop-timeout",
        "3",
        "-w",
        "/tmp",
        "-u",
        "1:1",
        "--hostname",
        "rich",
        "--sysctl",
        "net.ipv4.ip_unprivileged_port_start=80",
        "--log-opt",
        "max-size=1m",
        "--read-only",
        "--shm-size",
        "32m",
        "--group-add",
        "7",
        "--security-opt",
        "no-new-privileges",
        IMAGE,
        "sleep",
        "1000",
      ]),
      step("inspect rich", { stdout: "json" }),
      step(["inspect", "-s", "--format", "{{json .SizeRw}} {{json .SizeRootFs}}", "rich"], { stdout: "ignored" }),
    ],
  },
  {
    name: "inspects a privileged container",
    steps: [
      step(`create --name all --privileged --cap-add all ${IMAGE} true`),
      step("inspect all", { stdout: "json" }),
    ],
  },
  {
    name: "inspects a container that shares",
    steps: [
      running("base"),
      step(`create --name joined --network none --pid container:base --ipc host --uts host --init ${IMAGE} true`),
      step("inspect joined", { stdout: "json" }),
    ],
  },
  {
    name: "inspects a container that has ended",
    steps: [step(["run", "--name", "over", IMAGE, "sh", "-c", "exit 3"]), step("inspect over", { stdout: "json" })],
  },
  {
    name: "inspects by template",
    steps: [
      running("thing", "-l a.b=c -e X=1"),
      ...[
        "{{.Name}}",
        "{{.State.Status}}",
        "{{.Config.Image}}",
        "{{json .Config.Cmd}}",
        '{{index .Config.Labels "a.b"}}',
        "{{range .Config.Env}}{{println .}}{{end}}",
        "{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}",
        "{{len .Mounts}}",
        "{{.HostConfig.RestartPolicy.Name}}",
        '{{join .Args ","}}',
        "{{.Path}} {{.Args}}",
        "{{.Config.Labels}}",
        "{{.HostConfig.PortBindings}}",
        "{{.Config.Cmd}}",
        "{{.HostConfig.Init}}",
        "{{.Config.Entrypoint}}",
        '{{.State.Pid | printf "%T"}}',
      ].map((format) => step(["inspect", "--format", format, "thing"])),
      fails(["inspect", "--format", "{{.NoSuch}}", "thing"], /NoSuch/, { stdout: "ignored" }),
    ],
  },
  {
    name: "inspects what there is",
    steps: [
      running("here"),
      fails("inspect --format {{.Name}} here ghost", /no such object: ghost/i),
      fails("inspect ghost", /no such object: ghost/i),
      fails("container inspect ghost", /no such container: ghost/i),
      fails("image inspect ghost", /no such image: ghost/i),
    ],
  },
  {
    name: "inspects an image",
    steps: [
      step("image inspect busybox", { stdout: "json" }),
      step([
        "inspect",
        "--type",
        "image",
        "--format",
        "{{json .Config.Cmd}} {{.Os}}/{{.Architecture}} {{.RepoTags}}",
        "busybox",
      ]),
    ],
  },
];

const health: readonly Scenario[] = [
  {
    name: "shows a health check before its first probe",
    steps: [
      running("young", "--health-cmd true --health-interval 1h --health-start-interval 1h --health-retries 7"),
      step(["inspect", "--format", "{{json .State.Health}} {{json .Config.Healthcheck}}", "young"]),
      step(["ps", "--filter", "health=starting", "--format", "{{.Names}} {{.Status}}"]),
      step(["ps", "-q", "--filter", "health=healthy"]),
    ],
  },
  {
    name: "calls a container unhealthy that nobody probes",
    steps: [
      running("frozen", "--health-cmd true --health-interval 1h"),
      step("pause frozen"),
      step(["inspect", "--format", "{{json .State.Health}}", "frozen"]),
      step(["ps", "--filter", "name=frozen", "--format", "{{.Status}}"]),
      step("unpause frozen"),
      step(["inspect", "--format", "{{json .State.Health}}", "frozen"]),
      step("stop -t 0 frozen"),
      step(["inspect", "--format", "{{json .State.Health}}", "frozen"]),
      step(["ps", "-a", "--filter", "health=unhealthy", "--format", "{{.Names}}"]),
      step("start frozen"),
      step(["inspect", "--format", "{{json .State.Health}}", "frozen"]),
    ],
  },
  {
    name: "has no health without a check",
    steps: [
      running("none", "--no-healthcheck"),
      running("empty", "--health-interval 1m"),
      step(["inspect", "--format", "{{json .State.Health}} {{json .Config.Healthcheck}}", "none", "empty"]),
      step(`create --name never --health-cmd true ${IMAGE} true`, { stdout: "ignored" }),
      step(["inspect", "--format", "{{json .State.Health}}", "never"]),
      step(["ps", "-a", "--filter", "health=none", "--format", "{{.Names}}"]),
    ],
  },
  {
    name: "refuses a health check that makes no sense",
    steps: [
      fails(
        `run --health-cmd true --no-healthcheck ${IMAGE} true`,
        /--no-healthcheck conflicts with --health-\* options/,
      ),
      fails(
        `run --health-cmd true --health-interval 10us ${IMAGE} true`,
        /Interval in Healthcheck cannot be less than 1ms/,
      ),
      fails(`run --health-cmd true --health-timeout -1s ${IMAGE} true`, /--health-timeout cannot be negative/),
      fails(`run --health-cmd true --health-retries -1 ${IMAGE} true`, /--health-retries cannot be negative/),
      fails("ps --filter health=fine", /invalid value for health/),
    ],
  },
];

const images: readonly Scenario[] = [
  {
    name: "tags and untags",
    steps: [
      step("tag busybox my/own:v1"),
      step(["images", "--format", "{{.Repository}}:{{.Tag}}", "my/own"]),
      step("rmi my/own:v1"),
      step("images -q my/own"),
    ],
  },
  {
    name: "refuses what it cannot tag or remove",
    steps: [
      fails("tag ghost x", /no such image: ghost/i),
      fails("tag busybox UPPER", /invalid reference format|repository name must be lowercase/i),
      fails("rmi ghost", /no such image: ghost/i),
      fails("rmi", /requires at least 1 argument/),
    ],
  },
  {
    name: "shows an image's history",
    steps: [
      step("history busybox"),
      step("history -q busybox"),
      step("history -H=false --no-trunc --format {{.CreatedSince}}|{{.CreatedBy}}|{{.Comment}} busybox"),
      step("history --format json busybox", { stdout: "json" }),
      fails("history ghost", /no such image: ghost/i),
      fails("history --platform linux/riscv64 busybox", /does not match the specified platform \(linux\/riscv64\)/),
      fails("history --format {{.Nope}} busybox", /can't evaluate field Nope in type \*/),
    ],
  },
  {
    name: "prunes nothing while it is told not to, or there is nothing",
    steps: [
      step("image prune", { stdin: "n\n" }),
      step("image prune -a", { stdin: "" }),
      step("image prune -f"),
      fails("image prune -f --filter foo=bar", /invalid filter 'foo'/),
      fails("image prune -f --filter until=1h --filter until=2h", /more than one until filter specified/),
    ],
  },
  {
    name: "keeps an image that a container uses",
    steps: [
      running("user"),
      fails("rmi busybox", /unable to (remove|delete)|conflict/i),
      step(["images", "--format", "{{.Repository}}", "busybox"]),
    ],
  },
];

const usage: readonly Scenario[] = [
  {
    name: "refuses unknown commands and flags",
    steps: [
      fails("no-such-command", /unknown command: \w+ no-such-command/),
      fails("ps --no-such-flag", /unknown flag: --no-such-flag/),
      fails("ps -Z", /unknown shorthand flag: 'Z' in -Z/),
      fails("stop", /requires at least 1 argument/),
      fails("rename one", /requires 2 arguments/),
      fails("exec", /requires at least 2 arguments/),
      fails("ps extra", /accepts no arguments/),
      fails("logs", /requires 1 argument/),
    ],
  },
];

/** Every comparison with docker, by the part of the command line that it is about. */
export const SCENARIOS: Readonly<Record<string, readonly Scenario[]>> = {
  run,
  terminal,
  lists,
  lifecycle,
  inspection,
  health,
  images,
  usage,
};
