#!/usr/bin/env bash
# with_hosts.sh FORM command…: runs a command under another form of /etc/hosts, in a mount namespace of its own; the
# machine's file stays as it is. FORM: where the machine's own name is, `absent`, or an address such as 127.0.1.1 (what
# Debian's installer writes). `with_hosts.sh --possible`: whether this machine lets us, and why not.
set -euo pipefail
# Root needs a mount namespace alone; anybody else becomes root of a user namespace first.
namespace=(unshare --mount)
[ "$(id -u)" = 0 ] || namespace=(unshare --mount --map-root-user)

if [ "${1:-}" = --possible ]; then
  exec "${namespace[@]}" sh -c 'mount --bind /etc/hosts /etc/hosts'
fi

form=$1
shift
hosts=$(mktemp)
trap 'rm -f "$hosts"' EXIT
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$hosts"
[ "$form" = absent ] || echo "$form $(hostname)" >>"$hosts"
chmod 644 "$hosts"
"${namespace[@]}" sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$hosts" "$@"
