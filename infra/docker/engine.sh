#!/usr/bin/env bash
# See to it that a Docker engine answers. In CI one is installed and started where none does, with
# what else the air-gapped build needs; anywhere else that is for the machine's owner to decide.
set -euo pipefail

if docker info >/dev/null 2>&1; then
    exit 0
fi
if [ "${CI:-}" != true ]; then
    echo "No Docker engine answers. Start Docker, or say where it is in DOCKER_HOST." >&2
    exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
    debootstrap docker-compose docker.io iptables >/dev/null
# An engine that was killed leaves these; their numbers may be another process's by now.
rm -f /var/run/docker.pid /var/run/docker/containerd/containerd.pid
log=$(mktemp)
setsid dockerd >"$log" 2>&1 </dev/null &
for _ in $(seq 60); do
    if docker info >/dev/null 2>&1; then
        exit 0
    fi
    sleep 1
done
tail -n 20 "$log" >&2
echo "The Docker engine did not start; its last lines are above." >&2
exit 1
