#!/usr/bin/env bash
# tools/fuzz.sh FOLDER SECONDS JOBS: runs every fuzz target of FOLDER for so long, JOBS at a time. Each begins with
# the inputs that are kept in tests/fuzz/corpus/<name>; what it finds beside them stays in .cache/fuzz/<name>, and an
# input that breaks something in .cache/fuzz/broken. FUZZ_SEED replays a run.
set -uo pipefail
cd "$(dirname "$0")/.."
folder=$1 seconds=$2 jobs=$3
seed=${FUZZ_SEED:-$RANDOM}
mkdir -p .cache/fuzz/broken
run() {
  local name=$1 found=.cache/fuzz/$1 kept=tests/fuzz/corpus/$1 log=.cache/fuzz/$1.log
  mkdir -p "$found"
  # Leaks are looked for at the end of the whole run; a target keeps its table of columns.
  "$folder/$name" "$found" "$kept" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
    -seed="$seed" -artifact_prefix=.cache/fuzz/broken/"$name"- -print_final_stats=1 >"$log" 2>&1
  local rc=$?
  local runs coverage
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  coverage=$(grep -oE 'cov: [0-9]+' "$log" | tail -n 1)
  if [ $rc -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
    echo "fuzz: $name: passed, $runs inputs, $coverage"
  else
    echo "fuzz: $name: FAILED (exit $rc); the end of $log:"
    tail -n 40 "$log"
    echo "fuzz: replay: $folder/$name .cache/fuzz/broken/$name-<the input named above>"
    return 1
  fi
}
export -f run
export folder seconds seed
names=$(find "$folder" -maxdepth 1 -name '*_fuzz' -printf '%f\n' | sort)
[ -n "$names" ] || { echo "fuzz: no targets in $folder" >&2; exit 1; }
echo "fuzz: $(wc -w <<<"$names") targets, $seconds s each, seed $seed (FUZZ_SEED=$seed replays)"
# shellcheck disable=SC2016
if xargs -P "$jobs" -I{} bash -c 'run "$1"' _ {} <<<"$names"; then failed=0; else failed=1; fi
passed=$(grep -lE '^stat::number_of_executed_units' $(for n in $names; do echo ".cache/fuzz/$n.log"; done) 2>/dev/null | wc -l)
[ $failed -eq 0 ] && echo "fuzz: $passed passed, 0 failed" || { echo "fuzz: FAILED" >&2; exit 1; }
