#!/usr/bin/env bash
# Installs the TDS clients of the tests that are not Python: tedious, with hyparquet, in tests/clients/node, and
# tests/clients/go as .cache/bin/read-go-mssqldb. Seconds, once. Tests skip a client that is not there, so a failure
# here is loud but not fatal.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=$PWD/.cache
limit=600s
mkdir -p "$cache/bin"

warn() {
  echo "install: ############################################################" >&2
  echo "install: $1; tests with it will be SKIPPED; the log is $2" >&2
  echo "install: ############################################################" >&2
}

install_tedious() {
  local folder=tests/clients/node
  cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed" && [ -x "$cache/bin/node" ] && return
  echo "install: npm ci in $folder"
  local bin
  bin=$(tools/find_node.sh)
  (cd "$folder" && PATH="$bin:$PATH" timeout "$limit" npm ci --ignore-scripts --no-audit --no-fund)
  cp "$folder/package-lock.json" "$folder/node_modules/.installed"
}

install_go_mssqldb() {
  local sources
  sources=$(cat tests/clients/go/* | sha256sum)
  [ "$(cat "$cache/bin/.read-go-mssqldb" 2>/dev/null)" = "$sources" ] && return
  echo "install: building tests/clients/go"
  local go
  go=$(tools/find_go.sh)
  (cd tests/clients/go && CGO_ENABLED=0 timeout "$limit" "$go" build -trimpath -o "$cache/bin/read-go-mssqldb" .)
  echo "$sources" >"$cache/bin/.read-go-mssqldb"
}

# A shell of its own each, because -e does not hold inside a function that is tested.
export cache limit
export -f install_tedious install_go_mssqldb
bash -euo pipefail -c install_tedious 2>"$cache/tedious.log" || warn "tedious and hyparquet were NOT installed" "$cache/tedious.log"
bash -euo pipefail -c install_go_mssqldb 2>"$cache/go-mssqldb.log" ||
  warn "go-mssqldb was NOT built" "$cache/go-mssqldb.log"
