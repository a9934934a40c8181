#!/usr/bin/env bash
# From nothing to a running container: sets the machine up, starts a containerd of wharf's own where none runs, serves
# a small image from a registry on loopback, pulls it from there and runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/node.sh
. scripts/node.sh

step() { printf '\n== %s\n' "$*"; }
run() { printf '$ wharf %s\n' "$*"; bin/wharf "$@"; }

step "Setting up"
scripts/setup.sh
use_node
[ "$(id -u)" -eq 0 ] || { echo "quickstart: containerd wants root; run this with sudo" >&2; exit 1; }

work=$(mktemp -d)
registry_pid=""
clean_up() {
  if [ -n "$registry_pid" ]; then kill "$registry_pid" 2>/dev/null || true; wait "$registry_pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap clean_up EXIT

step "Finding containerd"
if [ -z "${CONTAINERD_ADDRESS:-}" ] && [ ! -S /run/containerd/containerd.sock ]; then
  run system install --standalone
else
  echo "using the one at ${CONTAINERD_ADDRESS:-/run/containerd/containerd.sock}"
fi

step "Serving an image of busybox from a registry on loopback"
port=$(node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
cat >"$work/registry.yml" <<YAML
version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: $work/registry } }
http: { addr: "127.0.0.1:$port" }
YAML
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
registry_pid=$!

digest() { sha256sum "$1" | cut -d' ' -f1; }

# Puts a file into the layout under its digest and prints its descriptor.
blob() { # file, media type
  local name size
  name=$(digest "$1") size=$(stat -c %s "$1")
  mv "$1" "$work/image/blobs/sha256/$name"
  printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$2" "$name" "$size"
}

case "$(uname -m)" in aarch64) architecture=arm64 ;; *) architecture=amd64 ;; esac
mkdir -p "$work/image/blobs/sha256" "$work/root/bin" "$work/root/etc" "$work/root/tmp"
cp "$(command -v busybox)" "$work/root/bin/busybox"
busybox --list | while read -r applet; do [ "$applet" = busybox ] || ln -s busybox "$work/root/bin/$applet"; done
echo 'root:x:0:0:root:/root:/bin/sh' >"$work/root/etc/passwd"
echo 'root:x:0:' >"$work/root/etc/group"
tar --owner=0 --group=0 --numeric-owner -C "$work/root" -cf "$work/layer.tar" .
diff_id=$(digest "$work/layer.tar")
gzip -n "$work/layer.tar"
layer=$(blob "$work/layer.tar.gz" application/vnd.oci.image.layer.v1.tar+gzip)
printf '{"created":"%s","architecture":"%s","os":"linux","config":{"Cmd":["sh"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
  "$(date -u +%FT%TZ)" "$architecture" "$diff_id" >"$work/config.json"
config=$(blob "$work/config.json" application/vnd.oci.image.config.v1+json)
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' "$config" "$layer" >"$work/manifest.json"
manifest=$(blob "$work/manifest.json" application/vnd.oci.image.manifest.v1+json)
printf '{"schemaVersion":2,"manifests":[%s]}' "$manifest" >"$work/image/index.json"
echo '{"imageLayoutVersion":"1.0.0"}' >"$work/image/oci-layout"
skopeo --insecure-policy copy --quiet --retry-times 20 --dest-tls-verify=false "oci:$work/image" "docker://127.0.0.1:$port/busybox:latest"
echo "127.0.0.1:$port/busybox:latest"

step "Pulling it and running a container"
run pull "127.0.0.1:$port/busybox:latest"
run run --rm "127.0.0.1:$port/busybox:latest" echo "hello from a container"
run images

step "Done"
cat <<TEXT
The registry is stopped. What stays: the image, and containerd with wharf's supervisor, so that you can go on:
  bin/wharf run --rm -it 127.0.0.1:$port/busybox:latest
To end it all:
  bin/wharf supervisor stop; bin/wharf system standalone stop
TEXT
