#!/usr/bin/env bash
# Make the two images that are otherwise pulled, from Debian's packages alone:
#   gristmill-base:local   Debian 12 with its Python 3.11, in place of python:3.11-slim
#   gristmill-redis:local  the same with Debian's Redis 7, in place of redis:7
# Needs root, debootstrap, a running Docker engine and a Debian mirror ($DEBIAN_MIRROR, or
# debootstrap's own). Where both images are there it does nothing: remove them to renew them.
set -euo pipefail

if docker image inspect gristmill-base:local gristmill-redis:local >/dev/null 2>&1; then
    exit 0
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# Usage: keep TAG CHANGE. Package lists, manuals and translations are of no use in an image.
keep() {
    tar --directory "$root" --numeric-owner --create \
        --exclude='./var/cache/*/*' --exclude='./var/lib/apt/lists/*' --exclude='./var/log/*' \
        --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/info/*' \
        --exclude='./usr/share/locale/*' --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' \
        . | docker import --change "$2" - "$1"
}

debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv \
    bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}
keep gristmill-base:local 'CMD ["python3"]'

printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d" # start no server while installing
chmod +x "$root/usr/sbin/policy-rc.d"
chroot "$root" apt-get install --yes --no-install-recommends redis-server
install --directory --owner 999 --group 999 "$root/data" # who Redis runs as, as in the public image
keep gristmill-redis:local 'CMD ["redis-server"]'
