#!/usr/bin/env bash
# Runs a command in network, mount, pid, ipc and uts namespaces of its own, over a private /run, a private TMPDIR and
# private state directories, so that tests and benchmarks start daemons, claim ports and write iptables rules at their
# usual places without meeting the machine's own or another run's. When the command has ended, looks at what it left
# behind, says so and fails; then the namespaces end, and everything in them.
#
#   scripts/isolated.sh COMMAND [ARGUMENT…]
#   WHARF_ISOLATED_DIR=DIR    keeps the private directories in DIR instead of /var/tmp
set -euo pipefail

# State directories that daemons use by default. Each is replaced by an empty one on a real file system.
private=(/var/lib/containerd /var/lib/docker /var/lib/nerdctl /var/lib/cni /var/lib/wharf)
# Trees that stay readable and become writable for the command alone.
overlaid=(/etc /opt /var/lib)

outside() {
  local status=0
  base=$(mktemp -d "${WHARF_ISOLATED_DIR:-/var/tmp}/wharf-isolated.XXXXXX")
  trap 'rm -rf --one-file-system "$base"' EXIT
  unshare --mount --net --pid --ipc --uts --fork --kill-child --mount-proc --propagation private \
    tini -s -- "$(readlink -f "$0")" --inside "$base" "$@" <&0 &
  child=$!
  # The terminal's control-C reaches the command by itself; who is told to end takes the namespaces along.
  trap : INT
  trap 'kill -KILL "$child"' TERM HUP
  while kill -0 "$child" 2>/dev/null; do wait "$child" && status=0 || status=$?; done
  return "$status"
}

inside() {
  base=$1
  shift
  local directory status=0
  # overlayfs cannot lie on an overlayfs, which is the root of a container.
  case "$(stat -f -c %T "$base")" in overlay*) mount -t tmpfs -o mode=755 tmpfs "$base" ;; esac
  for directory in "${overlaid[@]}"; do
    mkdir -p "$base/upper$directory" "$base/work$directory"
    mount -t overlay -o "lowerdir=$directory,upperdir=$base/upper$directory,workdir=$base/work$directory" overlay "$directory"
  done
  rm -rf /etc/cni /etc/docker /etc/containerd /etc/wharf
  for directory in "${private[@]}"; do
    mkdir -p "$base/root$directory" "$directory"
    mount --bind "$base/root$directory" "$directory"
  done
  mount -t tmpfs -o mode=755 tmpfs /run
  # A short path: a socket's may have 107 bytes.
  mkdir -m 1777 "$base/tmp" /run/lock /run/tmp
  mount --bind "$base/tmp" /run/tmp
  ip link set lo up
  TMPDIR=/run/tmp "$@" || status=$?
  leftovers || { [ "$status" -ne 0 ] || status=1; }
  return "$status"
}

# What a command that cleans up after itself leaves none of. Waits a moment for what is just ending.
leftovers() {
  local found deadline=$((SECONDS + 10))
  while found=$(list_leftovers) && [ -n "$found" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.2; done
  [ -z "$found" ] || { printf 'isolated: left behind:\n%s\n' "$found" >&2; return 1; }
}

list_leftovers() {
  # With where its output goes, which tells two daemons of a kind apart.
  ps -eo pid=,ppid=,stat=,args= | awk -v self=$$ \
    '$1 != 1 && $1 != self && $2 != self && $3 !~ /^Z/ && !/ps -eo|awk -v self|isolated.sh --inside/ { print }' |
    while read -r pid process; do printf 'process: %s %s > %s\n' "$pid" "$process" "$(readlink "/proc/$pid/fd/1")"; done
  find /run/netns -mindepth 1 -printf 'netns: %f\n' 2>/dev/null || true
  awk '$5 ~ "^/(run/(lock|tmp|netns)/|run/[^ltn]|var/lib/(containerd|docker|wharf|nerdctl|cni)/)" { print "mount: " $5 }' /proc/self/mountinfo
  ip -o link | awk -F': ' '$2 != "lo" { print "link: " $2 }'
  iptables-save 2>/dev/null | sed -n 's/^-A/iptables: -A/p'
  find "$base/tmp" -mindepth 1 -maxdepth 1 -printf 'file: /run/tmp/%f\n'
}

if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
elif [ "$(id -u)" -ne 0 ]; then
  echo "isolated: must be root" >&2
  exit 1
else
  outside "$@"
fi
