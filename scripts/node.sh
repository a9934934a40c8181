# Sourced from the project's root: lets `node` be one that can run the tools of this tree, or fails.
# A distribution's Node may be too old; the one that wharf itself runs on came with `npm ci`.
use_node() {
  local bundled
  node_is_new_enough && return
  for bundled in "$PWD"/node_modules/node-linux-*/bin; do
    PATH="$bundled:$PATH"
    node_is_new_enough && return
  done
  echo "needs Node 20.19 or newer, found $(node --version 2>/dev/null || echo none)" >&2
  return 1
}

node_is_new_enough() {
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}
