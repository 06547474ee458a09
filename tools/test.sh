#!/usr/bin/env bash
# Runs the unit tests (ctest), the end-to-end tests (pytest), and the heart of these once more with Microsoft's ODBC
# driver through TLS; all even if one fails. Repeats each runner's closing line at the end. `make test` builds first and
# calls this.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
jobs=${JOBS:-$(nproc)}
# What a driver or TLS could break: values, results that are cut, kills, errors of the server.
through_tls=(tests/e2e/test_{first_light,cases,types,names,gaps,crashes,cut_results,stopping,bad_input}.py)

echo "== unit tests (ctest) =="
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$jobs" 2>&1 | tee "$build/ctest.log"
unit=${PIPESTATUS[0]}

echo "== end-to-end and house tests (pytest) =="
.venv/bin/python -m pytest tests --durations=10 2>&1 | tee "$build/pytest.log"
end_to_end=${PIPESTATUS[0]}

echo "== end-to-end tests with Microsoft's driver through TLS (pytest) =="
if [ -n "${SQLSERVER:-}" ]; then
  echo "skipped: a real server has no certificate of ours" | tee "$build/pytest-tls.log"
  tls=0
elif ! .venv/bin/python -c 'import sys; from tests.support.drivers import drivers; sys.exit("Microsoft" not in drivers())'
then
  echo "skipped: Microsoft's driver is not installed (mssql-python-odbc, tools/requirements.txt)" |
    tee "$build/pytest-tls.log"
  tls=0
else
  CDC_TEST_DRIVER=microsoft-tls .venv/bin/python -m pytest "${through_tls[@]}" 2>&1 |
    tee "$build/pytest-tls.log"
  tls=${PIPESTATUS[0]}
fi

echo
echo "ctest:  $(grep -E 'tests passed|tests failed|No tests' "$build/ctest.log" | tail -n 1)"
echo "pytest: $(tail -n 1 "$build/pytest.log")"
echo "pytest, Microsoft's driver through TLS: $(tail -n 1 "$build/pytest-tls.log")"
if [ "$unit" -ne 0 ] || [ "$end_to_end" -ne 0 ] || [ "$tls" -ne 0 ]; then
  echo "test: FAILED; whole output in $build/ctest.log, $build/pytest.log and $build/pytest-tls.log" >&2
  exit 1
fi
