#!/usr/bin/env bash
# Unpacks newer containerds and real dockers from Debian's newer suites into .peers/, for tests and benchmarks:
#   .peers/containerd-1.7/bin  .peers/containerd-2/bin  .peers/docker-28/bin  .peers/docker-20/bin
# Nothing is installed: apt works on a state of its own, with the machine's own mirror and key, and the package files
# are unpacked beside each other. A peer that is there already, and starts, is kept.
#
#   scripts/peers.sh            all of them; exits 1 and says so when one cannot be had
#   WHARF_PEERS_DIR=DIR         keeps them in DIR instead of .peers
set -euo pipefail
cd "$(dirname "$0")/.."
peers=${WHARF_PEERS_DIR:-$PWD/.peers}
# In the order of preference; a suite that has moved on to another major version is passed over.
suites=(trixie forky sid bookworm)

say() { printf 'peers: %s\n' "$*" >&2; }

# name, package whose version decides, version pattern, all packages, program and arguments that prove it starts
peer_table() {
  cat <<'TABLE'
containerd-1.7|containerd|1.7.*|containerd|containerd --version
containerd-2|containerd|2.*|containerd|containerd --version
docker-28|docker.io|28.*|docker.io docker-cli containerd|dockerd --version
docker-20|docker.io|20.10.*|docker.io|dockerd --version
TABLE
}

starts() { # directory, command line
  # shellcheck disable=SC2086
  [ -e "$1/version" ] && "$1/bin/"$2 >/dev/null 2>&1
}

# The machine's own Debian entry, its suite's name changed: no mirror is written here.
sources_for() { # suite
  awk -v suite="$1" -F'|' '{ sign = $2 ? "[signed-by=" $2 "] " : ""; print "deb " sign $1 " " suite " main"; exit }' "$state/mirror"
}

open_apt_state() {
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  state=$(mktemp -d)
  trap 'rm -rf "$state"' EXIT
  chmod 755 "$state"
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  local key=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -e "$key" ] || key=""
  apt-get indextargets --format "\$(REPO_URI)|$key|\$(RELEASE)|\$(COMPONENT)" 'Created-By: Packages' |
    grep "|$codename|main\$" >"$state/mirror" || { say "apt knows no Debian entry for $codename"; exit 1; }
  local suite
  for suite in "${suites[@]}"; do sources_for "$suite"; done >"$state/sources.list"
  apt_options=(
    -o "Dir::State::Lists=$state/lists" -o "Dir::Etc::SourceList=$state/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::Cache=$state/cache" -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false -o APT::Sandbox::User=root
    -o Dpkg::Use-Pty=0 -o Acquire::Retries=3
    # Hooks of the machine (appstream and the like) have no business in a private state.
    -o APT::Update::Post-Invoke-Success::= -o APT::Update::Post-Invoke::=
  )
  say "reading ${suites[*]}"
  apt-get "${apt_options[@]}" update -qq
}

# The newest version of a package in any of the suites that fits a pattern.
version_of() { # package, pattern
  local version
  apt-cache "${apt_options[@]}" madison "$1" 2>/dev/null | awk -F'|' '{ gsub(/ /, "", $2); print $2 }' |
    while read -r version; do
      # shellcheck disable=SC2254
      case "${version#*:}" in $2) echo "$version"; break ;; esac
    done
}

unpack() { # name, package that decides, pattern, packages
  local version work package
  version=$(version_of "$2" "$3")
  [ -n "$version" ] || { say "no suite of ${suites[*]} has $2 $3"; return 1; }
  work=$state/$1
  mkdir -p "$work/root" "$work/debs"
  for package in $4; do
    # Packages of one source come in one version; the rest (docker's containerd) in the newest.
    local wanted=$package
    if apt-cache "${apt_options[@]}" madison "$package" | grep -qF "| $version |"; then wanted=$package=$version; fi
    (cd "$work/debs" && apt-get "${apt_options[@]}" download -qq "$wanted") || return 1
  done
  local deb
  for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
  mkdir -p "$work/out/bin"
  find "$work/root/usr/bin" "$work/root/usr/sbin" "$work/root/usr/libexec" -type f -perm /111 2>/dev/null |
    while read -r program; do mv "$program" "$work/out/bin/"; done
  # A newer suite's runc wants a newer libc; the machine's own serves all.
  rm -f "$work/out/bin/runc"
  echo "$version" >"$work/out/version"
  rm -rf "${peers:?}/$1"
  mkdir -p "$peers"
  mv "$work/out" "$peers/$1"
}

failed=0
opened=no
while IFS='|' read -r name decides pattern packages proof; do
  if ! starts "$peers/$name" "$proof"; then
    if [ "$opened" = no ]; then open_apt_state && opened=yes; fi
    unpack "$name" "$decides" "$pattern" "$packages" </dev/null || { say "MISSING: $name"; failed=1; continue; }
    starts "$peers/$name" "$proof" || { say "MISSING: $name was unpacked and does not start"; failed=1; continue; }
  fi
  say "$name: $(cat "$peers/$name/version")"
done < <(peer_table)
exit "$failed"
