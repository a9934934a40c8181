#!/usr/bin/env bash
# Sets a clean clone up and runs all that a change must pass: linter, types, generated files, all tests on the system's
# containerd and the client's on two younger ones. Asks nothing, reads nothing from stdin, leaves nothing running.
#
# Every step runs even when an earlier one failed. The exit code is 0 only when all of them passed; the last line of
# the output is the sum of all tests: "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit
# shellcheck source=scripts/node.sh
. scripts/node.sh
exec </dev/null
export CI=true

failed=()
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

heading() { printf '\n===== %s (%ss)\n' "$*" "$SECONDS"; }

step() { # name, command
  local name=$1
  shift
  heading "$name"
  "$@" || failed+=("$name")
}

# A suite runs in namespaces of its own, on the containerd found in a directory ("" for the system's).
run_tests() { # report, directory of containerd's programs, what vitest is to run
  local report=$1 programs=$2
  shift 2
  env WHARF_TEST_CONTAINERD="$programs" scripts/isolated.sh node_modules/.bin/vitest run \
    --reporter=default --reporter=json --outputFile.json="$results/$report.json" "$@"
}

# Files that failed run once more, by themselves. What passes then is named in the summary: it is a test to mend, and
# no reason to keep a change out.
suite() { # name, directory of containerd's programs, what vitest is to run
  local name=$1 programs=$2
  shift 2
  heading "$name"
  run_tests "$name" "$programs" "$@" && return
  local files=()
  [ ! -e "$results/$name.json" ] || mapfile -t files < <(node scripts/test-reports.mjs failed-files "$results/$name.json")
  if [ -n "${files[*]}" ] && heading "$name, again: ${files[*]}" && run_tests "$name.again" "$programs" "$@" "${files[@]}"; then
    return
  fi
  failed+=("$name")
}

tree_state() { git status --porcelain && git diff; }

# What the build generates and git keeps, such as the manifest, must be what is committed.
generated_files_are_current() {
  [ "$(tree_state)" = "$tree_before" ] && return
  tree_state
  echo "the build changed files that are committed; commit them"
  return 1
}

heading setup
tree_before=$(tree_state)
scripts/setup.sh || { echo "setup failed"; echo "0 passed, 1 failed"; exit 1; }
use_node

step peers scripts/peers.sh
step lint node_modules/.bin/biome ci --error-on-warnings .
step types node_modules/.bin/tsc -p .
step generated generated_files_are_current
suite no-containerd "" --project unit --project local
suite containerd-1.6 "" --project host
# The network tests compare the host before and after: no other test's bridge may be going away meanwhile.
suite network-1.6 "" --project network
# The whole suite runs on the others too (`WHARF_TEST_CONTAINERD`), by hand as yet: here the client's tests do.
for version in 1.7 2; do
  suite "containerd-$version" "$PWD/.peers/containerd-$version/bin" --project host test/containerd
done

heading summary
if [ "${#failed[@]}" -gt 0 ]; then printf 'failed: %s\n' "${failed[*]}"; fi
node scripts/test-reports.mjs summary "$results" "${#failed[@]}"
[ "${#failed[@]}" -eq 0 ]
