#!/usr/bin/env bash
# Kills a command, the supervisor, containerd and shims by `kill -9`, at every fault point and at random times, and looks
# at what the next command finds. Build before. Two isolated runs go side by side.
#
#   WHARF_CHAOS=fault-points|random   one of the two parts instead of both
#   WHARF_CHAOS_ROUNDS=N              rounds of the random part (10)
#   WHARF_CHAOS_SEED=N                plays the rounds of a seed again
#   WHARF_CHAOS_SHARE=K/N             plays the K-th of N shares of the fault points
#   scripts/chaos.sh [OPTION OF vitest…]
#
# Tells of each kill who was killed, where, and what was checked after it; and counts them at the end.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

run() { # name, files…; the options are in the array
  local name=$1
  shift
  scripts/isolated.sh node_modules/.bin/vitest run --project chaos "$@" \
    "${options[@]}" ${CHAOS_REPORTS:+--reporter=default --reporter=json "--outputFile.json=$CHAOS_REPORTS/chaos-$name.json"}
}

options=("$@")
case "${WHARF_CHAOS:-all}" in
fault-points) first=(supervisor-points) second=(command-points alone-points accidents) ;;
random) first=(random) second=(daemons) ;;
all) first=(supervisor-points) second=(command-points alone-points accidents daemons random) ;;
*)
  echo "chaos: WHARF_CHAOS is fault-points or random, not $WHARF_CHAOS" >&2
  exit 2
  ;;
esac

WHARF_CHAOS_REPORT=$(mktemp)
export WHARF_CHAOS_REPORT
trap 'rm -f "$WHARF_CHAOS_REPORT"' EXIT

run one "${first[@]/#/test/chaos/}" &
status=0
run two "${second[@]/#/test/chaos/}" || status=$?
wait $! || status=$?
node scripts/chaos-summary.mjs "$WHARF_CHAOS_REPORT"
exit "$status"
