#!/bin/sh
# Installs Debian packages for commands that are missing: install.sh COMMAND:PACKAGE[,PACKAGE] …
set -eu
want=""
for pair in "$@"; do
	command -v "${pair%%:*}" >/dev/null 2>&1 || want="$want $(echo "${pair#*:}" | tr , ' ')"
done
[ -n "$want" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
	echo "missing:$want. Install what provides these Debian packages and run this again." >&2
	exit 1
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
echo "installing$want" >&2
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $want >/dev/null
