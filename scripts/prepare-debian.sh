#!/bin/sh
# Installs the Debian packages that the tests use and that are missing here. Root only; elsewhere it says what is missing
# and leaves it at that, since every test that needs a package skips itself with its reason.
#
#   prepare-debian.sh            compiler, peers to compare with, busybox for the root file systems
#   prepare-debian.sh engines    the container engines too
set -eu

packages="gcc libc6-dev runc crun busybox-static libseccomp-dev uidmap util-linux"
if [ "${1:-}" = engines ]; then
    packages="$packages containerd containernetworking-plugins docker.io podman conmon"
fi

missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "prepare-debian: not installed here, tests that need them will skip:$missing" >&2
    exit 0
fi

# The engines' packages start daemons when installed; the tests start their own. A policy file of somebody else is left alone.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

echo "prepare-debian: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
apt-get install -qq -y --no-install-recommends $missing >/dev/null 2>&1 ||
    { apt-get update -qq >/dev/null && apt-get install -qq -y --no-install-recommends $missing >/dev/null; } ||
    echo "prepare-debian: apt-get failed; tests that need these packages will skip:$missing" >&2
