#!/usr/bin/env bash
# Runs the unit tests (ctest), the end-to-end tests (pytest), the heart of these once more with Microsoft's ODBC driver
# through TLS, and what depends on /etc/hosts under every form of that file; all even if one fails. Repeats each runner's
# closing line at the end. `make test` builds first and calls this.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
jobs=${JOBS:-$(nproc)}
pytest=(.venv/bin/python -m pytest)
# What a driver or TLS could break: values, results that are cut, kills, errors of the server.
through_tls=(tests/e2e/test_{first_light,cases,types,names,gaps,crashes,cut_results,stopping,bad_input}.py)

# What keeps the tests through TLS from running; nothing if they can run.
why_no_tls() {
  if [ -n "${SQLSERVER:-}" ]; then
    echo "a real server has no certificate of ours"
  elif ! .venv/bin/python -c 'import sys; from tests.support.drivers import drivers; sys.exit("Microsoft" not in drivers())'
  then
    echo "Microsoft's driver is not installed (mssql-python-odbc, tools/requirements.txt)"
  fi
}

# Microsoft's driver looks `localhost` up by the machine's own name, so tests through TLS can pass on one machine and
# fail on the next. 127.0.1.1 is what Debian's installer writes, 127.0.0.1 what many containers have.
under_every_hosts_file() {
  local form failed=0
  for form in absent 127.0.1.1 127.0.0.1; do
    echo "-- /etc/hosts with this machine's own name: $form --"
    tools/with_hosts.sh "$form" "${pytest[@]}" -q tests/e2e/test_tls.py || failed=1
  done
  return "$failed"
}

echo "== unit tests (ctest) =="
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$jobs" 2>&1 | tee "$build/ctest.log"
unit=${PIPESTATUS[0]}

echo "== end-to-end and house tests (pytest) =="
"${pytest[@]}" tests --durations=10 2>&1 | tee "$build/pytest.log"
end_to_end=${PIPESTATUS[0]}

no_tls=$(why_no_tls)
tls=0
hosts=0
echo "== end-to-end tests with Microsoft's driver through TLS (pytest) =="
if [ -n "$no_tls" ]; then
  echo "skipped: $no_tls" | tee "$build/pytest-tls.log"
else
  CDC_TEST_DRIVER=microsoft-tls "${pytest[@]}" "${through_tls[@]}" 2>&1 | tee "$build/pytest-tls.log"
  tls=${PIPESTATUS[0]}
fi

echo "== TLS under every form of /etc/hosts (pytest) =="
if [ -n "$no_tls" ]; then
  echo "skipped: $no_tls" | tee "$build/pytest-hosts.log"
elif ! refused=$(tools/with_hosts.sh --possible 2>&1); then
  echo "NOT RUN: this machine allows no mount namespace (${refused##*$'\n'})" | tee "$build/pytest-hosts.log"
else
  under_every_hosts_file 2>&1 | tee "$build/pytest-hosts.log"
  hosts=${PIPESTATUS[0]}
fi

echo
echo "ctest:  $(grep -E 'tests passed|tests failed|No tests' "$build/ctest.log" | tail -n 1)"
echo "pytest: $(tail -n 1 "$build/pytest.log")"
echo "pytest, Microsoft's driver through TLS: $(tail -n 1 "$build/pytest-tls.log")"
echo "pytest, every form of /etc/hosts: $(grep -E ' in [0-9.]+s|^skipped|^NOT RUN' "$build/pytest-hosts.log" | paste -sd ';')"
if [ "$unit" -ne 0 ] || [ "$end_to_end" -ne 0 ] || [ "$tls" -ne 0 ] || [ "$hosts" -ne 0 ]; then
  echo "test: FAILED; whole output in $build/ctest.log and $build/pytest{,-tls,-hosts}.log" >&2
  exit 1
fi
