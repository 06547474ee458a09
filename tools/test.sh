#!/usr/bin/env bash
# Runs the unit tests (ctest) and the end-to-end tests (pytest), both even if the first fails, and repeats each
# runner's closing line at the end. `make test` builds first and calls this.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
jobs=${JOBS:-$(nproc)}

echo "== unit tests (ctest) =="
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$jobs" 2>&1 | tee "$build/ctest.log"
unit=${PIPESTATUS[0]}

echo "== end-to-end and house tests (pytest) =="
.venv/bin/python -m pytest tests --durations=10 2>&1 | tee "$build/pytest.log"
end_to_end=${PIPESTATUS[0]}

echo
echo "ctest:  $(grep -E 'tests passed|tests failed|No tests' "$build/ctest.log" | tail -n 1)"
echo "pytest: $(tail -n 1 "$build/pytest.log")"
if [ "$unit" -ne 0 ] || [ "$end_to_end" -ne 0 ]; then
  echo "test: FAILED; whole output in $build/ctest.log and $build/pytest.log" >&2
  exit 1
fi
