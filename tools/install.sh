#!/usr/bin/env bash
# Installs what the build, the tests and the demo need, from package registries only. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
packages=(
  g++ cmake ninja-build ccache pkg-config git make
  python3 python3-venv
  unixodbc unixodbc-dev tdsodbc freetds-bin
  libcurl4-openssl-dev openssl libssl-dev libpugixml-dev libxxhash-dev
  libtomlplusplus-dev nlohmann-json3-dev libcli11-dev libfmt-dev
  libgtest-dev libgmock-dev
  clang-format clang-tidy
  libfaketime
)
# A browser for the test of the status page; without it that test is skipped and says so.
if [ "${1:-}" = --tests ]; then packages+=(chromium); fi
# libFuzzer is clang's; 19 reads g++ 12's ranges, which Debian 12's default clang does not.
if [ "${1:-}" = --fuzz ]; then packages+=(clang-19 libclang-rt-19-dev); fi
# Spark 4 wants Java 17.
if [ "${1:-}" = --witness ] && ! java -version >/dev/null 2>&1; then packages+=(default-jre-headless); fi
missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "install: apt-get install ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
install_python() { # a requirements file, and the copy of it that says that it is installed
  if cmp -s "$1" "$2"; then return; fi
  echo "install: python packages of $1 into .venv"
  [ -x .venv/bin/python ] || python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check -r "$1"
  cp "$1" "$2"
}
install_python tools/requirements.txt .venv/.installed
if [ "${1:-}" = --witness ]; then install_python tools/requirements-witness.txt .venv/.installed-witness; fi
if [ "${1:-}" = --tests ]; then
  tools/install_versitygw.sh
  tools/install_tds_clients.sh
  rm -rf .cache/go # a compiler that only these two needed
fi
