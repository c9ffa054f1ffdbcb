#!/usr/bin/env bash
# Exim for the mail lab, from its Debian packages, unpacked and not installed: installed it would take Postfix away.
set -euo pipefail
to=/opt/pennypost-lab/exim
[ -x "$to/usr/sbin/exim4" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get download exim4-daemon-light
mkdir -p "$to"
dpkg -x exim4-daemon-light_*.deb "$to"
# it needs no rights of its own in the lab
chmod u-s "$to/usr/sbin/exim4"
