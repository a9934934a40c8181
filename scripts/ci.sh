#!/usr/bin/env bash
# Sets a clean clone up and runs all that a change must pass: linter, types, generated files, and the tests on three
# versions of containerd. Asks nothing, reads nothing from stdin, leaves nothing running.
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
suite() { # name, directory of containerd's programs, folders of tests
  local name=$1 programs=$2
  shift 2
  step "$name" env WHARF_TEST_CONTAINERD="$programs" scripts/isolated.sh node_modules/.bin/vitest run \
    --reporter=default --reporter=json --outputFile.json="$results/$name.json" "$@"
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
suite containerd-1.6 "" --project unit --project host
# The network tests compare the host before and after: no other test's bridge may be going away meanwhile.
suite network "" --project network
suite containerd-1.7 "$PWD/.peers/containerd-1.7/bin" test/containerd
suite containerd-2 "$PWD/.peers/containerd-2/bin" test/containerd

heading summary
if [ "${#failed[@]}" -gt 0 ]; then printf 'failed: %s\n' "${failed[*]}"; fi
node - "$results" "${#failed[@]}" <<'SUMMARY'
const { readdirSync, readFileSync } = require("node:fs");
const [directory, failedSteps] = process.argv.slice(2);
const reports = readdirSync(directory).map((name) => JSON.parse(readFileSync(`${directory}/${name}`, "utf8")));
const sum = (field) => reports.reduce((total, report) => total + report[field], 0);
const failed = sum("numFailedTests");
// A file that cannot be loaded, or a linter that complains, fails no test and yet is a failure.
console.log(`${sum("numPassedTests")} passed, ${failed === 0 && Number(failedSteps) > 0 ? Number(failedSteps) : failed} failed`);
SUMMARY
[ "${#failed[@]}" -eq 0 ]
