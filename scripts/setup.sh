#!/usr/bin/env bash
# Brings a Debian machine to where wharf can be built, run and tested: system packages, Node's packages, the build.
# Installs what is missing and nothing else, so a second run is quick. Starts no service.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/node.sh
. scripts/node.sh

# A command or a file (a pattern) that must exist, and the package that brings it.
requirements=(
  "containerd containerd"
  "runc runc"
  "/usr/lib/cni/bridge containernetworking-plugins"
  "iptables iptables"
  "ip iproute2"
  "conntrack conntrack"
  "tini tini"
  "docker-registry docker-registry"
  "busybox busybox-static"
  "skopeo skopeo"
  "umoci umoci"
  "unshare util-linux"
  "mount mount"
  "mke2fs e2fsprogs"
  "setcap libcap2-bin"
  "script bsdutils"
  "ps procps"
  "openssl openssl"
  # Shows a program of a test another time of day.
  "/usr/lib/*/faketime/libfaketimeMT.so.1 libfaketime"
  "/etc/ssl/certs/ca-certificates.crt ca-certificates"
  # Node 26, which wharf runs on, is linked against it.
  "/usr/lib/*/libatomic.so.1 libatomic1"
)

say() { printf 'setup: %s\n' "$*" >&2; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

present() {
  case "$1" in
    /*) compgen -G "$1" >/dev/null ;;
    *) PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null ;;
  esac
}

missing_packages() {
  local requirement
  for requirement in "${requirements[@]}"; do
    present "${requirement% *}" || printf '%s\n' "${requirement#* }"
  done
  # busybox of the plain package is linked dynamically and cannot be an image's only file.
  if present busybox && ldd "$(command -v busybox)" >/dev/null 2>&1; then printf 'busybox-static\n'; fi
  if ! command -v npm >/dev/null; then printf 'nodejs\nnpm\n'; fi
}

# Shows what a command says only when it fails.
quietly() {
  local output
  output=$("$@" </dev/null 2>&1) || { printf '%s\n' "$output" >&2; return 1; }
}

# Packages must not start their services: in a container or a chroot that fails, and wharf starts its own containerd.
install_packages() {
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
    trap "as_root rm -f $policy" EXIT
  fi
  say "installing: $*"
  quietly as_root apt-get update -qq
  quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

mapfile -t packages < <(missing_packages)
if [ "${#packages[@]}" -gt 0 ]; then
  command -v apt-get >/dev/null || { say "not a Debian system; install yourself: ${packages[*]}"; exit 1; }
  install_packages "${packages[@]}"
fi

# node_modules/.package-lock.json is npm's own record of what it installed, so it is older than a changed lock file.
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
  say "installing Node packages"
  quietly npm ci --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi

use_node
npm run --silent build >&2
say "ready"
