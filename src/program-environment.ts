/**
 * What the environment of every program that wharf starts is made of. Nothing of the caller's own comes along unless
 * it is named here: a variable such as LD_PRELOAD, NODE_OPTIONS or BASH_ENV would put somebody's code into a process of
 * root's that outlives the command.
 */
type Environment = Readonly<Record<string, string>>;

/** Where commands are when the caller does not say. */
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Tools of the host speak the language that wharf reads. */
const TOOL_LOCALE: Environment = { LC_ALL: "C.UTF-8" };

const TOOL_VARIABLES = ["TMPDIR", "TZ"];
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"];
const PROXY_VARIABLES = [...PROXIES, ...PROXIES.map((name) => name.toLowerCase())];

/** Settings of wharf and of containerd; names that end in `_` stand for all that begin so. */
const DAEMON_VARIABLES = [
  ...TOOL_VARIABLES,
  ...PROXY_VARIABLES,
  "HOME",
  "CNI_PATH",
  "DOCKER_CONFIG",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  "CONTAINERD_",
  "WHARF_",
];

/** Where credential helpers find their user's session, key ring or cloud account. */
const HELPER_VARIABLES = [
  ...DAEMON_VARIABLES,
  "DBUS_SESSION_BUS_ADDRESS",
  "DISPLAY",
  "WAYLAND_DISPLAY",
  "GNUPGHOME",
  "GPG_TTY",
  "LANG",
  "LOGNAME",
  "PASSWORD_STORE_",
  "SSH_AUTH_SOCK",
  "TERM",
  "USER",
  "XDG_",
  "AWS_",
  "AZURE_",
  "CLOUDSDK_",
  "GOOGLE_",
];

/** The environment of a tool of the host, such as `ip`, `mount` or `ps`. */
export function toolEnvironment(): Record<string, string> {
  return { ...chosen(TOOL_VARIABLES), ...TOOL_LOCALE };
}

/** The environment of the host's package manager, which fetches packages and must not ask anything. */
export function packageManagerEnvironment(): Record<string, string> {
  const noQuestions = { DEBIAN_FRONTEND: "noninteractive" };
  return { ...chosen([...TOOL_VARIABLES, ...PROXY_VARIABLES, "HOME"]), ...TOOL_LOCALE, ...noQuestions };
}

/** The environment of a process that outlives the command: the supervisor, or a containerd of wharf's own. */
export function daemonEnvironment(): Record<string, string> {
  return chosen(DAEMON_VARIABLES);
}

/** The environment of a `docker-credential-…` program. */
export function credentialHelperEnvironment(): Record<string, string> {
  return chosen(HELPER_VARIABLES);
}

function chosen(names: readonly string[]): Record<string, string> {
  const exact = new Set(names);
  const prefixes = names.filter((name) => name.endsWith("_"));
  const isChosen = (name: string) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
  const entries = Object.entries(process.env).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined && isChosen(entry[0]);
  });
  return { ...Object.fromEntries(entries), PATH: process.env.PATH || SYSTEM_PATH };
}
